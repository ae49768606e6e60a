/** Adjacent bytes of JSON and their text. */
export interface JsonPart {
  readonly bytes: number;
  readonly text: string;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING: readonly number[] = [0x5b, 0x7b];
const CLOSING: readonly number[] = [0x5d, 0x7d];

/**
 * JSON cut into its bracket, the elements of the list or fields of the object, each with the comma behind it, and the closing
 * bracket. Needs no sound JSON: the parts always make up all bytes. The texts are without the commas.
 */
export function jsonParts(contents: Uint8Array): JsonPart[] {
  const parts: JsonPart[] = [];
  let start = 0;
  const cut = (end: number): void => {
    const text = new TextDecoder().decode(contents.subarray(start, end)).replace(/,$/, '');
    if (end > start) parts.push({ bytes: end - start, text });
    start = end;
  };
  let [depth, quoted] = [0, false];
  for (let i = 0; i < contents.length; i++) {
    const byte = contents[i] ?? 0;
    if (quoted && byte === BACKSLASH) i++;
    else if (byte === QUOTE) quoted = !quoted;
    else if (!quoted && OPENING.includes(byte)) {
      depth++;
      if (depth === 1) cut(i + 1);
    } else if (!quoted && CLOSING.includes(byte)) {
      depth--;
      if (depth === 0) cut(i);
    } else if (!quoted && byte === COMMA && depth === 1) cut(i + 1);
  }
  cut(contents.length);
  return parts;
}
