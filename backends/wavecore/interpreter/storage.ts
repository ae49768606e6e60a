import { type Diagnostic, diag, fail, WavecError } from '../../../ir/diagnostics.ts';
import { fromHalfBits, toHalfBits } from '../../../ir/half.ts';
import { elementCount, formatType } from '../../../ir/tensor.ts';
import { elidedSymbols, type Program, type ProgramSymbol } from '../program.ts';
import { DramMemory } from './dram-memory.ts';
import { halfBits } from './half.ts';

/** A value for an input: raw bytes as they lie in DRAM, f16 bits, or numbers that are rounded to the tensor's type. */
export type InputValue = Uint8Array | Uint16Array | Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A tensor read from DRAM after the run. */
export interface TensorValue {
  readonly dtype: ProgramSymbol['dtype'];
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const CHUNK = 2 ** 16;
/** Bytes that one typed array surely holds. */
const LARGEST_READ = 2 ** 32 - 1;

/** Says that a program lacks initial values, where it does: then it can be timed, and computes nothing. */
export function missingValues(program: Program): Diagnostic | undefined {
  const [elided, ...others] = elidedSymbols(program);
  return elided && diag.noInitialValues({ tensor: elided.name }, others.length);
}

/**
 * A DRAM that holds the initial values of the program's tensors; all problems are reported at once.
 * @param memoryLimit bytes that initial values and outputs may take, and the pages of the DRAM
 */
export function initialDram(program: Program, memoryLimit: number): DramMemory {
  const held = program.symbols.filter(({ initial, role }) => initial !== undefined || role === 'output');
  const needed = held.reduce((sum, { bytes }) => sum + bytes, 0);
  if (needed > memoryLimit) fail(diag.hostMemory({}, needed, memoryLimit));
  const dram = new DramMemory(memoryLimit);
  const problems: Diagnostic[] = [];
  const byName = new Map(program.symbols.map((symbol) => [symbol.name, symbol]));
  const lack = missingValues(program);
  if (lack !== undefined) problems.push(lack);
  for (const symbol of program.symbols) {
    const { initial } = symbol;
    if (initial?.form === 'values') writeValues(dram, symbol, initial.values);
    if (initial?.form === 'splat' && initial.value !== 0) writeSplat(dram, symbol, initial.value);
  }
  for (const symbol of program.symbols) {
    if (symbol.initial?.form !== 'copyOf') continue;
    const source = byName.get(symbol.initial.tensor);
    if (source === undefined)
      problems.push(diag.badRunInput({ tensor: symbol.name }, `is a copy of '${symbol.initial.tensor}', which is not in the program`));
    else copyElements(dram, source, symbol);
  }
  if (problems.length > 0) throw new WavecError(problems);
  return dram;
}

/** Writes the inputs of a run, which needs one for every input that is not in `present`; all problems are reported at once. */
export function writeInputs(
  dram: DramMemory,
  program: Program,
  inputs: ReadonlyMap<string, InputValue>,
  present: ReadonlySet<string> = new Set(),
): void {
  const problems: Diagnostic[] = [];
  const wanted = new Map(program.symbols.filter((s) => s.role === 'input').map((s) => [s.name, s]));
  for (const [name, symbol] of wanted) {
    const value = inputs.get(name);
    if (value === undefined && present.has(name)) continue;
    const reason = value === undefined ? 'no value is given for this input' : writeSymbol(dram, symbol, value);
    if (reason !== undefined) problems.push(diag.badRunInput({ tensor: name }, reason));
  }
  for (const name of inputs.keys()) {
    if (!wanted.has(name)) problems.push(diag.badRunInput({ tensor: name }, 'the program has no such input'));
  }
  if (problems.length > 0) throw new WavecError(problems);
}

export function readSymbol(dram: DramMemory, symbol: ProgramSymbol): TensorValue {
  if (symbol.bytes > LARGEST_READ) fail(diag.hostMemory({ tensor: symbol.name }, symbol.bytes, LARGEST_READ));
  const bytes = new Uint8Array(symbol.bytes);
  dram.read(symbol.address, bytes);
  return { dtype: symbol.dtype, shape: symbol.shape, bytes };
}

/** Writes the value of a tensor; returns what is wrong with it, if anything. */
export function writeSymbol(dram: DramMemory, symbol: ProgramSymbol, value: InputValue): string | undefined {
  const type = formatType(symbol);
  const count = elementCount(symbol.shape);
  const raw = value instanceof Uint8Array || (value instanceof Uint16Array && symbol.dtype === 'f16');
  if (raw || value instanceof BigInt64Array) {
    if (value.byteLength !== symbol.bytes) return `${value.byteLength} bytes are given for ${type}, which has ${symbol.bytes}`;
    dram.write(symbol.address, new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    return undefined;
  }
  if (symbol.dtype === 'bit' || symbol.dtype === 'i64') return `${type} can only be given as bytes`;
  if (value.length !== count) return `${value.length} values are given for ${type}, which has ${count}`;
  writeValues(dram, symbol, value);
  return undefined;
}

/** Writes every element of a tensor, rounded to its type, in chunks. */
function writeElements(dram: DramMemory, symbol: ProgramSymbol, valueAt: (i: number) => number): void {
  const { count, size } = elementsOf(symbol);
  const chunk = new DataView(new ArrayBuffer(CHUNK * 8));
  const put = setterOf(symbol, chunk);
  for (let from = 0; from < count; from += CHUNK) {
    const elements = Math.min(CHUNK, count - from);
    for (let i = 0; i < elements; i++) put(i * size, valueAt(from + i));
    dram.write(symbol.address + from * size, new Uint8Array(chunk.buffer, 0, elements * size));
  }
}

/** Writes values, rounded to the type of the tensor; the common types by the fastest way. */
function writeValues(dram: DramMemory, symbol: ProgramSymbol, values: ArrayLike<number>): void {
  if (!(values instanceof Float32Array && (symbol.dtype === 'f32' || symbol.dtype === 'f16'))) {
    writeElements(dram, symbol, (i) => values[i] ?? 0);
  } else if (symbol.dtype === 'f32') {
    dram.write(symbol.address, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  } else {
    const halves = new Uint16Array(Math.min(CHUNK, values.length));
    for (let from = 0; from < values.length; from += CHUNK) {
      const count = Math.min(CHUNK, values.length - from);
      for (let i = 0; i < count; i++) halves[i] = halfBits(values[from + i] ?? 0);
      dram.write(symbol.address + from * 2, new Uint8Array(halves.buffer, 0, count * 2));
    }
  }
}

/** Writes the same value everywhere. */
function writeSplat(dram: DramMemory, symbol: ProgramSymbol, value: number): void {
  const { count, size } = elementsOf(symbol);
  const elements = Math.min(CHUNK, count);
  const chunk = new DataView(new ArrayBuffer(elements * size));
  const put = setterOf(symbol, chunk);
  for (let i = 0; i < elements; i++) put(i * size, value);
  for (let at = 0; at < symbol.bytes; at += chunk.byteLength) {
    dram.write(symbol.address + at, new Uint8Array(chunk.buffer, 0, Math.min(chunk.byteLength, symbol.bytes - at)));
  }
}

/** How many elements are written one by one, and their bytes; of bits, eight are. */
function elementsOf(symbol: ProgramSymbol): { readonly count: number; readonly size: number } {
  const count = symbol.dtype === 'bit' ? symbol.bytes : elementCount(symbol.shape);
  return { count, size: symbol.bytes / Math.max(count, 1) };
}

function setterOf(symbol: ProgramSymbol, view: DataView): (at: number, value: number) => void {
  switch (symbol.dtype) {
    case 'f16':
      return (at, value) => view.setUint16(at, toHalfBits(value), true);
    case 'f32':
      return (at, value) => view.setFloat32(at, value, true);
    case 'i32':
      return (at, value) => view.setInt32(at, value, true);
    case 'i64':
      // As the smaller integers: truncated, modulo the size, 0 for what is no number.
      return (at, value) => view.setBigInt64(at, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0), true);
    case 'u8':
      return (at, value) => view.setUint8(at, value);
    case 'bit':
      // A splat of bits sets whole bytes; bits behind the end of a sample are never read.
      return (at, value) => view.setUint8(at, value === 0 ? 0 : 0xff);
  }
}

/** Rounds the value of one tensor into another of as many elements. */
export function copyElements(dram: DramMemory, source: ProgramSymbol, target: ProgramSymbol): void {
  const { bytes } = readSymbol(dram, source);
  if (source.dtype === target.dtype) dram.write(target.address, bytes);
  else if (source.dtype === 'f32') writeValues(dram, target, new Float32Array(bytes.buffer));
  else writeElements(dram, target, getterOf(source, new DataView(bytes.buffer)));
}

function getterOf(symbol: ProgramSymbol, view: DataView): (i: number) => number {
  switch (symbol.dtype) {
    case 'f16':
      return (i) => fromHalfBits(view.getUint16(i * 2, true));
    case 'f32':
      return (i) => view.getFloat32(i * 4, true);
    case 'i32':
      return (i) => view.getInt32(i * 4, true);
    case 'i64':
      return (i) => Number(view.getBigInt64(i * 8, true));
    case 'u8':
    case 'bit':
      return (i) => view.getUint8(i);
  }
}
