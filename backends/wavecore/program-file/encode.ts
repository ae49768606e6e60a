import * as v from 'valibot';
import { diag, WavecError } from '../../../ir/diagnostics.ts';
import type { Constant } from '../../../ir/graph.ts';
import { encodeAll } from '../isa/encode.ts';
import { MachineSchema } from '../machine/machine.ts';
import type { Program } from '../program.ts';
import { crc32 } from './crc32.ts';
import { aligned, ENTRY_BYTES, HEADER_BYTES, MAGIC, SECTION_NAMES, SECTIONS, type SectionName, VERSION } from './format.ts';
import { BufferSchema, DebugSchema, MetaSchema, PredictedSchema, SymbolsSchema } from './schema.ts';

/**
 * The bytes of a program file: the same for the same program, in whatever order its parts were given.
 * @throws WavecError for a program that no reader would take
 */
export function encodeProgram(program: Program): Uint8Array {
  const { machine, code, symbols, debug, buffer, predicted, ...meta } = program;
  const data = new DataSection();
  const stored = symbols.map((symbol) => (symbol.initial === undefined ? symbol : { ...symbol, initial: data.store(symbol.initial) }));
  const sections: Record<SectionName, Uint8Array> = {
    meta: json(MetaSchema, meta),
    machine: json(MachineSchema, machine),
    code: encodeAll(code),
    symbols: json(SymbolsSchema, stored),
    debug: json(DebugSchema, debug),
    buffer: json(BufferSchema, buffer),
    predicted: json(PredictedSchema, Object.entries(predicted)),
    data: data.bytes(),
  };
  return joinSections(sections);
}

/** Puts sections behind header and table. */
export function joinSections(sections: Readonly<Record<SectionName, Uint8Array>>): Uint8Array {
  const tableBytes = SECTION_NAMES.length * ENTRY_BYTES;
  let length = aligned(HEADER_BYTES + tableBytes);
  const starts = SECTION_NAMES.map((name) => {
    const start = aligned(length);
    length = start + sections[name].length;
    return start;
  });
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  file.set(new TextEncoder().encode(MAGIC), 0);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, SECTION_NAMES.length, true);
  SECTION_NAMES.forEach((name, i) => {
    const contents = sections[name];
    const entry = HEADER_BYTES + i * ENTRY_BYTES;
    view.setUint32(entry, SECTIONS[name], true);
    view.setUint32(entry + 4, contents.length % 2 ** 32, true);
    view.setUint32(entry + 8, Math.floor(contents.length / 2 ** 32), true);
    view.setUint32(entry + 12, crc32(contents), true);
    file.set(contents, starts[i]);
  });
  view.setUint32(12, crc32(file.subarray(HEADER_BYTES, HEADER_BYTES + tableBytes)), true);
  return file;
}

/** What a section's schema makes of a value, as JSON: fields in the order of the schema. */
function json(schema: v.GenericSchema, value: unknown): Uint8Array {
  const result = v.safeParse(schema, value);
  if (result.success) return new TextEncoder().encode(JSON.stringify(result.output));
  throw new WavecError(result.issues.map((issue) => diag.badProgram({}, `${v.getDotPath(issue) ?? 'all of it'}: ${issue.message}`)));
}

/** Collects initial values; what stays in the JSON says where they lie. */
class DataSection {
  private readonly parts: Uint8Array[] = [];
  private length = 0;

  store(initial: Constant): unknown {
    if (initial.form !== 'values') return initial;
    const { values } = initial;
    const offset = this.length;
    const bytes = new Uint8Array(aligned(values.byteLength));
    const view = new DataView(bytes.buffer);
    const isFloat = values instanceof Float32Array;
    values.forEach((value, i) => {
      if (isFloat) view.setFloat32(i * 4, value, true);
      else view.setInt32(i * 4, value, true);
    });
    this.parts.push(bytes);
    this.length += bytes.length;
    return { form: 'values', type: isFloat ? 'f32' : 'i32', offset, count: values.length };
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}
