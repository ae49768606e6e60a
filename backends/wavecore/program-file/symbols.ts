import type { Constant } from '../../../ir/graph.ts';
import { elementCount, formatType, tensorBytes } from '../../../ir/tensor.ts';
import type { ProgramSymbol } from '../program.ts';
import { ALIGNMENT } from './format.ts';
import type { StoredConstant, StoredSymbol } from './schema.ts';

/** What is wrong with the tensors of a program: names, sizes, overlaps, initial values. */
export function symbolProblems(symbols: readonly StoredSymbol[], data: Uint8Array): string[] {
  const problems: string[] = [];
  const byName = new Map<string, StoredSymbol>();
  for (const symbol of symbols) {
    if (byName.has(symbol.name)) problems.push(`tensor '${symbol.name}' occurs twice`);
    byName.set(symbol.name, symbol);
    if (symbol.bytes !== tensorBytes(symbol))
      problems.push(`tensor '${symbol.name}' has ${symbol.bytes} bytes, its type ${formatType(symbol)} needs ${tensorBytes(symbol)}`);
  }
  for (const symbol of symbols) {
    const reason = symbol.initial === undefined ? undefined : constantProblem(symbol, symbol.initial, byName, data);
    if (reason !== undefined) problems.push(`tensor '${symbol.name}': ${reason}`);
  }
  return [...problems, ...overlaps(symbols)];
}

function constantProblem(
  symbol: StoredSymbol,
  initial: StoredConstant,
  byName: ReadonlyMap<string, StoredSymbol>,
  data: Uint8Array,
): string | undefined {
  if (initial.form === 'splat' || initial.form === 'elided') return undefined;
  if (initial.form === 'copyOf') {
    const source = byName.get(initial.tensor);
    if (source === undefined) return `is a copy of '${initial.tensor}', which is not in the program`;
    return elementCount(source.shape) === elementCount(symbol.shape)
      ? undefined
      : `is a copy of '${initial.tensor}', which has another size`;
  }
  const { offset, count } = initial;
  if (count !== elementCount(symbol.shape))
    return `has ${count} initial values, its type ${formatType(symbol)} needs ${elementCount(symbol.shape)}`;
  if (offset % ALIGNMENT !== 0 || offset + count * 4 > data.length)
    return `its initial values lie at ${offset}, outside of the data section of ${data.length} bytes`;
  return undefined;
}

/** Tensors that share storage have one address; all others lie apart. */
function overlaps(symbols: readonly StoredSymbol[]): string[] {
  const sorted = [...symbols].filter((s) => s.bytes > 0).sort((a, b) => a.address - b.address);
  const problems: string[] = [];
  let before: StoredSymbol | undefined;
  for (const symbol of sorted) {
    if (before !== undefined && symbol.address !== before.address && symbol.address < before.address + before.bytes) {
      problems.push(`tensors '${before.name}' and '${symbol.name}' overlap in DRAM`);
    }
    if (before === undefined || symbol.address + symbol.bytes >= before.address + before.bytes) before = symbol;
  }
  return problems;
}

/** Symbols with their initial values taken from the data section. */
export function restoreSymbols(symbols: readonly StoredSymbol[], data: Uint8Array): ProgramSymbol[] {
  return symbols.map(({ initial, ...symbol }) => (initial === undefined ? symbol : { ...symbol, initial: restore(initial, data) }));
}

function restore(initial: StoredConstant, data: Uint8Array): Constant {
  if (initial.form !== 'values') return initial;
  const view = new DataView(data.buffer, data.byteOffset + initial.offset, initial.count * 4);
  const { count } = initial;
  if (initial.type === 'f32')
    return { form: 'values', values: Float32Array.from({ length: count }, (_, i) => view.getFloat32(i * 4, true)) };
  return { form: 'values', values: Int32Array.from({ length: count }, (_, i) => view.getInt32(i * 4, true)) };
}
