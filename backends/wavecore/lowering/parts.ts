import type { LayerView } from '../../../passes/mbs/network.ts';
import type { Step } from '../../../passes/mbs/schedule.ts';
import { elementsOf } from '../../../passes/mbs/transfers.ts';
import type { Part } from './context.ts';

/** All samples at one go. */
export function wholePart(samples: number): Part {
  return { from: 0, to: samples, first: true, last: true, headed: false, loaded: false };
}

/** Parts are code of their own, so that their number is bounded. */
const MOST_PARTS = 4;

/**
 * The parts of a sub-batch that a step runs on one after the other, whole chunks each, so that what follows can begin with the first. A step
 * that would have to come back to its weights, or that sums over samples on the array, has one.
 */
export function partsOf(view: LayerView, step: Step, samples: number): Part[] {
  const chunks = !isDivisible(view, step) ? 1 : Math.ceil(samples / step.chunk);
  const count = Math.min(MOST_PARTS, chunks);
  if (count === 1) return [wholePart(samples)];
  const size = Math.ceil(chunks / count) * step.chunk;
  return Array.from({ length: Math.ceil(samples / size) }, (_, i) => {
    const to = Math.min(samples, (i + 1) * size);
    return { from: i * size, to, first: i === 0, last: to === samples, headed: false, loaded: false };
  });
}

/** Chunks that samples are taken in. */
export function chunksOf({ chunk, stripes }: Pick<Step, 'chunk' | 'stripes'>, samples: number): number {
  return stripes === undefined ? Math.ceil(samples / chunk) : samples * stripes.length;
}

/** Whether a step takes its chunks one after the other, each once, and nothing else. */
export function isDivisible({ phase, matrix, outputs }: LayerView, { stripes, panel }: Step): boolean {
  if (phase === 'update' || stripes !== undefined) return false;
  if (matrix === undefined || panel === undefined) return true;
  // Statistics that are gathered are ended and stored for all samples at once.
  return matrix.form !== 'weightGradient' && outputs.length === 1 && panel.n >= matrix.columns && panel.k >= matrix.k;
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
  if (matrix.form === 'weightGradient') return iterations === 1 || (panel.n >= matrix.columns && panel.m >= matrix.m);
  return panel.n >= matrix.columns && panel.k >= matrix.k;
}
