import type { LayerView } from '../../../passes/mbs/network.ts';
import { partSizes } from '../../../passes/mbs/parts.ts';
import type { Group, Step } from '../../../passes/mbs/schedule.ts';
import { elementsOf } from '../../../passes/mbs/transfers.ts';
import type { Part } from './context.ts';

/** All samples at one go. */
export function wholePart(samples: number): Part {
  return { from: 0, to: samples, first: true, last: true, headed: false, loaded: false };
}

/** The parts of a sub-batch that a step runs on one after the other. */
export function partsOf(view: LayerView, step: Step, samples: number): Part[] {
  let from = 0;
  return partSizes(view, step, samples).map((size) => {
    const to = from + size;
    const part = { from, to, first: from === 0, last: to === samples, headed: false, loaded: false };
    from = to;
    return part;
  });
}

/** Chunks that samples are taken in. */
export function chunksOf({ chunk, stripes }: Pick<Step, 'chunk' | 'stripes'>, samples: number): number {
  return stripes === undefined ? Math.ceil(samples / chunk) : samples * stripes.length;
}

/**
 * Whether a part takes all its operands at once: its first loads are all that it loads, but for what an update at its end reads.
 * @param iterations of the group: from the second on, partial sums come back panel by panel
 */
export function loadsAtOnce(view: LayerView, { stripes, panel, chunk }: Step, { from, to }: Part, iterations: number): boolean {
  const { phase, matrix } = view;
  if (phase === 'update') return elementsOf(view) <= chunk;
  if (stripes !== undefined || to - from > chunk) return false;
  if (matrix === undefined || panel === undefined) return true;
  if (panel.sliced === true) return false;
  if (matrix.form === 'weightGradient') return iterations === 1 || (panel.n >= matrix.columns && panel.m >= matrix.m);
  return panel.n >= matrix.columns && panel.k >= matrix.k;
}

/**
 * Whether the first loads of a weight gradient are those of two turns: of one that runs on the whole mini-batch, where others come behind them. The first
 * layer of a group would only begin later for that.
 */
export function loadsTwo(view: LayerView, step: Step, part: Part, { steps, iterations }: Pick<Group, 'steps' | 'iterations'>): boolean {
  const { matrix } = view;
  const { panel, stripes } = step;
  if (matrix?.form !== 'weightGradient' || panel === undefined || stripes !== undefined || iterations > 1) return false;
  if (steps[0]?.layer === step.layer) return false;
  if (panel.m < matrix.m && panel.n < matrix.columns) return false;
  return !loadsAtOnce(view, step, part, iterations) && turnsOfGradient(view, step, part) > 2;
}

/** Chunks of all panels of a weight gradient. */
export function turnsOfGradient({ matrix }: LayerView, step: Step, { from, to }: Pick<Part, 'from' | 'to'>): number {
  const { panel } = step;
  const panels = matrix === undefined || panel === undefined ? 1 : Math.ceil(matrix.columns / panel.n) * Math.ceil(matrix.m / panel.m);
  return chunksOf(step, to - from) * panels;
}
