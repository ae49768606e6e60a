import type { LayerView, MatrixWork, Operand } from '../../../passes/mbs/network.ts';
import type { Machine } from '../machine/machine.ts';
import type { Cost } from './arrange.ts';

const F16_BYTES = 2;

/** Passes of the vector unit over the first input, where they are not as many as operands. */
const PASSES: Readonly<Record<string, number>> = {
  relu: 1,
  relu_grad: 1,
  add: 1,
  mul: 1,
  norm_stats: 2,
  norm_apply: 2,
  norm_grad_reduce: 3,
  norm_grad_apply: 4,
};

/** What a layer costs on some samples, roughly: waves at full speed, passes of the vector unit. */
export function costOf(view: LayerView, samples: number, { array, vector }: Machine): Cost {
  if (view.matrix !== undefined) return { matrix: matrixCycles(view.matrix, samples, array), vector: 0 };
  const bytes = (operands: readonly Operand[]): number => operands.reduce((sum, o) => sum + (o.batched ? o.bytes * samples : o.bytes), 0);
  const passes = PASSES[view.layer.kind];
  const passed = passes === undefined ? bytes(view.inputs) + bytes(view.outputs) : passes * bytes(view.inputs.slice(0, 1));
  return { matrix: 0, vector: passed / (F16_BYTES * vector.lanes) };
}

/** A wave takes as long as its rows, or as loading the next stationary block. */
function matrixCycles({ form, m, n, k, groups }: MatrixWork, samples: number, { rows, columns, waveRows }: Machine['array']): number {
  const reduces = form === 'weightGradient';
  const [allRows, reduction] = reduces ? [m, k * samples] : [m * samples, k];
  const wave = Math.max(allRows, rows * Math.ceil(allRows / waveRows));
  return groups * wave * Math.ceil(reduction / rows) * Math.ceil(n / columns);
}
