import type { Constant } from '../../../ir/graph.ts';
import { elementCount, formatType, tensorBytes } from '../../../ir/tensor.ts';
import type { ProgramSymbol } from '../program.ts';
import type { EntryProblem } from './extents.ts';
import { ALIGNMENT } from './format.ts';
import type { StoredConstant, StoredSymbol } from './schema.ts';

/** What is wrong with the tensors of a program: names, sizes, overlaps, initial values. */
export function symbolProblems(symbols: readonly ProgramSymbol[]): EntryProblem[] {
  const problems: EntryProblem[] = [];
  const byName = new Map<string, ProgramSymbol>();
  symbols.forEach((symbol, i) => {
    if (byName.has(symbol.name)) problems.push({ index: i, reason: `tensor '${symbol.name}' occurs twice` });
    byName.set(symbol.name, symbol);
    if (symbol.bytes !== tensorBytes(symbol)) {
      const reason = `tensor '${symbol.name}' has ${symbol.bytes} bytes, its type ${formatType(symbol)} needs ${tensorBytes(symbol)}`;
      problems.push({ index: i, reason });
    }
  });
  symbols.forEach((symbol, i) => {
    const reason = symbol.initial === undefined ? undefined : constantProblem(symbol, symbol.initial, byName);
    if (reason !== undefined) problems.push({ index: i, reason: `tensor '${symbol.name}': ${reason}` });
  });
  return [...problems, ...overlaps(symbols)];
}

function constantProblem(symbol: ProgramSymbol, initial: Constant, byName: ReadonlyMap<string, ProgramSymbol>): string | undefined {
  const count = elementCount(symbol.shape);
  if (initial.form === 'splat' || initial.form === 'elided') return undefined;
  if (initial.form === 'copyOf') {
    const source = byName.get(initial.tensor);
    if (source === undefined) return `is a copy of '${initial.tensor}', which is not in the program`;
    if (elementCount(source.shape) !== count) return `is a copy of '${initial.tensor}', which has another size`;
    const packed = source.dtype === 'bit' || symbol.dtype === 'bit';
    return packed && (source.dtype !== symbol.dtype || source.bytes !== symbol.bytes)
      ? `is a copy of '${initial.tensor}', whose bits are packed otherwise`
      : undefined;
  }
  const given = initial.values.length;
  return given === count ? undefined : `has ${given} initial values, its type ${formatType(symbol)} needs ${count}`;
}

/** Tensors that share storage have one address; all others lie apart. */
function overlaps(symbols: readonly ProgramSymbol[]): EntryProblem[] {
  const sorted = symbols
    .map((symbol, index) => ({ ...symbol, index }))
    .filter((s) => s.bytes > 0)
    .sort((a, b) => a.address - b.address);
  const problems: EntryProblem[] = [];
  let before: ProgramSymbol | undefined;
  for (const symbol of sorted) {
    if (before !== undefined && symbol.address !== before.address && symbol.address < before.address + before.bytes) {
      problems.push({ index: symbol.index, reason: `tensors '${before.name}' and '${symbol.name}' overlap in DRAM` });
    }
    if (before === undefined || symbol.address + symbol.bytes >= before.address + before.bytes) before = symbol;
  }
  return problems;
}

/** Initial values that lie outside of the data section. */
export function dataProblems(symbols: readonly StoredSymbol[], data: Uint8Array): string[] {
  return symbols.flatMap(({ name, initial }) => {
    if (initial?.form !== 'values') return [];
    const { offset } = initial;
    if (offset % ALIGNMENT === 0 && offset + storedBytes(initial) <= data.length) return [];
    return [`tensor '${name}': its initial values lie at ${offset}, outside of the data section of ${data.length} bytes`];
  });
}

/** Bytes that initial values take in the data section: 4 a number. */
export function storedBytes({ count }: StoredConstant & { readonly form: 'values' }): number {
  return count * 4;
}

/** Symbols with their initial values taken from the data section. */
export function restoreSymbols(symbols: readonly StoredSymbol[], data: Uint8Array): ProgramSymbol[] {
  return symbols.map(({ initial, ...symbol }) => (initial === undefined ? symbol : { ...symbol, initial: restore(initial, data) }));
}

function restore(initial: StoredConstant, data: Uint8Array): Constant {
  if (initial.form !== 'values') return initial;
  const view = new DataView(data.buffer, data.byteOffset + initial.offset, storedBytes(initial));
  const { count } = initial;
  if (initial.type === 'f32')
    return { form: 'values', values: Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * 4, true)) };
  return { form: 'values', values: Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true)) };
}
