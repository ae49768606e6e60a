import type { LayerView } from '../../../passes/mbs/network.ts';
import type { Step } from '../../../passes/mbs/schedule.ts';
import type { Part } from './context.ts';

/** All samples at one go. */
export function wholePart(samples: number): Part {
  return { from: 0, to: samples, first: true, last: true, headed: false };
}

/** Parts are code of their own, so that their number is bounded. */
const MOST_PARTS = 2;

/**
 * The parts of a sub-batch that a step runs on one after the other, whole chunks each, so that what follows can begin with the first. A step
 * that would have to come back to its weights, or that sums over samples on the array, has one.
 */
export function partsOf(view: LayerView, step: Step | undefined, samples: number): Part[] {
  const chunks = step === undefined || !isDivisible(view, step) ? 1 : Math.ceil(samples / step.chunk);
  const count = Math.min(MOST_PARTS, chunks);
  if (step === undefined || count === 1) return [wholePart(samples)];
  const size = Math.ceil(chunks / count) * step.chunk;
  return Array.from({ length: Math.ceil(samples / size) }, (_, i) => {
    const to = Math.min(samples, (i + 1) * size);
    return { from: i * size, to, first: i === 0, last: to === samples, headed: false };
  });
}

/** Whether a step takes its chunks one after the other, each once, and nothing else. */
export function isDivisible({ phase, matrix }: LayerView, { stripes, panel }: Step): boolean {
  if (phase === 'update' || stripes !== undefined) return false;
  if (matrix === undefined || panel === undefined) return true;
  return matrix.form !== 'weightGradient' && panel.n >= matrix.columns && panel.k >= matrix.k;
}
