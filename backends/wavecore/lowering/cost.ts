import type { LayerView, MatrixWork, Operand } from '../../../passes/mbs/network.ts';
import type { Machine } from '../machine/machine.ts';
import type { Cost } from './arrange.ts';

const F16_BYTES = 2;

/** What a layer costs on some samples, roughly: waves at full speed, and a pass of the vector unit over every batched operand. */
export function costOf(view: LayerView, samples: number, { array, vector }: Machine): Cost {
  if (view.matrix !== undefined) return { matrix: matrixCycles(view.matrix, samples, array), vector: 0 };
  const bytes = (operands: readonly Operand[]): number => operands.reduce((sum, o) => sum + (o.batched ? o.bytes * samples : o.bytes), 0);
  return { matrix: 0, vector: (bytes(view.inputs) + bytes(view.outputs)) / (F16_BYTES * vector.lanes) };
}

/** A wave takes as long as its rows, or as loading the next stationary block. */
function matrixCycles({ form, m, n, k, groups }: MatrixWork, samples: number, { rows, columns, waveRows }: Machine['array']): number {
  const reduces = form === 'weightGradient';
  const [allRows, reduction] = reduces ? [m, k * samples] : [m * samples, k];
  const wave = Math.max(allRows, rows * Math.ceil(allRows / waveRows));
  return groups * wave * Math.ceil(reduction / rows) * Math.ceil(n / columns);
}
