import { WavecError } from '../../../ir/diagnostics.ts';
import type { Constant } from '../../../ir/graph.ts';
import { elementCount, parseType, TENSOR_KINDS, type TensorType, tensorBytes } from '../../../ir/tensor.ts';
import type { Machine } from '../machine/machine.ts';
import { PRESETS } from '../machine/presets.ts';
import { ROLES } from '../program.ts';
import { crc32 } from '../program-file/crc32.ts';
import type { Draft } from './draft.ts';
import { readConstant } from './expression.ts';
import { readKeyed, required } from './keyed.ts';
import type { Line } from './line.ts';

const VALUE_TYPES = ['f32', 'i32'] as const;
type ValueType = (typeof VALUE_TYPES)[number];
type Values = Float32Array | Int32Array;

const VALUE_BYTES = 4;

/** Reads what stands behind `.tensor`. */
export function readTensor(line: Line, draft: Draft): void {
  const name = line.name('the name of a tensor');
  if (draft.names.tensors.has(name)) line.refuse(`tensor '${name}' is declared above`);
  line.expect(',');
  const type = parseType(line.peek().text) ?? line.unexpected('a type such as f16[32x3x224x224]');
  line.next();
  const constant = (what: string) => () => readConstant(line, draft.names, what);
  const { kind, role, at, ...initial } = readKeyed(line, {
    kind: () => line.choice(TENSOR_KINDS, 'a tensor kind'),
    role: () => line.choice(ROLES, 'a role'),
    at: constant('a DRAM address'),
    splat: () => line.literal('a number'),
    copyOf: () => line.name('the name of a tensor'),
    initial: () => line.choice(['elided'] as const, "'elided': values that the program lacks"),
    values: () => readValues(line, draft),
    file: () => line.name('the name of a file'),
    offset: constant('an offset in the file'),
    type: () => line.choice(VALUE_TYPES, 'a type of values'),
    crc32: constant('a checksum'),
  });
  const address = at ?? nextAddress(draft);
  const given = initialValue(line, draft, type, initial);
  draft.names.tensors.set(name, address);
  const symbol = { name, kind: required(line, 'kind', kind), ...type, address, bytes: tensorBytes(type), role: role ?? 'internal' };
  draft.symbols.push({ item: given === undefined ? symbol : { ...symbol, initial: given }, line: line.number });
}

/** The first address behind all tensors so far that a burst may begin at. */
function nextAddress({ symbols, machine }: Draft): number {
  const { preset, fields } = machine.item;
  const own = fields.dram as Partial<Machine['dram']> | undefined;
  const burst = own?.burstBytes ?? PRESETS[preset]?.dram.burstBytes ?? 1;
  const end = symbols.reduce((last, { item }) => Math.max(last, item.address + item.bytes), 0);
  return Math.ceil(end / burst) * burst;
}

/** `f32(1, 2.5)` or `i32(1, 2)`. */
function readValues(line: Line, draft: Draft): Values {
  const type = line.choice(VALUE_TYPES, 'a type of values');
  const values: number[] = [];
  line.expect('(');
  if (!line.takes(')')) {
    do values.push(type === 'f32' ? line.literal('a number') : readConstant(line, draft.names, 'a whole number'));
    while (line.takes(','));
    line.expect(')');
  }
  return type === 'f32' ? Float32Array.from(values) : Int32Array.from(values);
}

interface Initial {
  readonly splat?: number;
  readonly copyOf?: string;
  readonly initial?: 'elided';
  readonly values?: Values;
  readonly file?: string;
  readonly offset?: number;
  readonly type?: ValueType;
  readonly crc32?: number;
}

function initialValue(line: Line, draft: Draft, type: TensorType, initial: Initial): Constant | undefined {
  const { splat, copyOf, initial: elided, values, file } = initial;
  const forms = [splat, copyOf, elided, values, file].filter((form) => form !== undefined);
  if (forms.length > 1) line.refuse('a tensor has one initial value: splat=, copyOf=, initial=elided, values= or file=');
  if (splat !== undefined) {
    return Number.isFinite(splat) ? { form: 'splat', value: splat } : line.refuse('splat= is a finite number');
  }
  if (copyOf !== undefined) return { form: 'copyOf', tensor: copyOf };
  if (elided !== undefined) return { form: 'elided' };
  if (values !== undefined) return { form: 'values', values };
  return file === undefined
    ? undefined
    : { form: 'values', values: fileValues(line, contentOf(line, draft, file), type, { ...initial, file }) };
}

/** A file that the text names. */
function contentOf(line: Line, draft: Draft, file: string): Uint8Array {
  try {
    return draft.readFile(file);
  } catch (error) {
    if (error instanceof WavecError) return line.refuse(`'${file}' ${error.diagnostics.map((d) => d.message).join('; ')}`);
    throw error;
  }
}

/** Numbers of 4 bytes, little-endian, as they lie in a file. */
function fileValues(line: Line, content: Uint8Array, type: TensorType, initial: Initial & { readonly file: string }): Values {
  const { file, offset = 0, type: of = 'f32', crc32: sum } = initial;
  const count = elementCount(type.shape);
  const end = offset + count * VALUE_BYTES;
  if (offset < 0 || end > content.length) line.refuse(`'${file}' has ${content.length} bytes, the values lie at ${offset} to ${end}`);
  const bytes = content.subarray(offset, end);
  if (sum !== undefined && crc32(bytes) !== sum) line.refuse(`the values in '${file}' have been altered (checksum)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (of === 'i32') return Int32Array.from({ length: count }, (_, i) => view.getInt32(i * VALUE_BYTES, true));
  return Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * VALUE_BYTES, true));
}
