import { fieldEnd, LENGTH, varintAt } from './wire.ts';

/** One field of a protobuf message: its number, all its bytes, and for text, bytes and messages what it holds. */
export interface MessageField {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly content?: Uint8Array;
}

/** The fields of a message that decodes, in order; their bytes one after the other are the message. */
export function fieldsOf(message: Uint8Array): MessageField[] {
  const fields: MessageField[] = [];
  for (let offset = 0; offset < message.length; ) {
    const { value = 0, next = message.length } = varintAt(message, offset) ?? {};
    const end = fieldEnd(message, next, value % 8) ?? message.length;
    const content = value % 8 === LENGTH ? { content: message.subarray(varintAt(message, next)?.next, end) } : {};
    fields.push({ number: Math.floor(value / 8), bytes: message.subarray(offset, end), ...content });
    offset = end;
  }
  return fields;
}

/** The bytes of a field that holds text, bytes or a message. */
export function messageField(number: number, content: Uint8Array): Uint8Array {
  return joined([Uint8Array.from([...varint(number * 8 + LENGTH), ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
