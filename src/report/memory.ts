import type { ProgramSymbol } from '../../backends/wavecore/program.ts';
import { TENSOR_KINDS, type TensorKind } from '../../ir/tensor.ts';
import { table } from './table.ts';
import { bytesText, countText } from './units.ts';

/** DRAM that the tensors of one kind take. */
export interface KindMemory {
  readonly kind: TensorKind;
  readonly tensors: number;
  readonly bytes: number;
}

type PlacedTensor = Pick<ProgramSymbol, 'address' | 'bytes'> & { readonly kind: string };

/** DRAM by tensor kind; tensors that share a place count once. Kinds without tensors are left out. */
export function memoryByKind(symbols: readonly PlacedTensor[]): KindMemory[] {
  const places = [...new Map(symbols.map((s) => [s.address, s])).values()];
  return TENSOR_KINDS.flatMap((kind) => {
    const own = places.filter((s) => s.kind === kind);
    return own.length === 0 ? [] : [{ kind, tensors: own.length, bytes: own.reduce((sum, s) => sum + s.bytes, 0) }];
  });
}

export function memoryTable(memory: readonly KindMemory[]): string {
  const rows = memory.map(({ kind, tensors, bytes }) => [kind, countText(tensors), bytesText(bytes)]);
  return table([{ head: 'in DRAM', align: 'left' }, { head: 'tensors' }, { head: 'bytes' }], rows);
}
