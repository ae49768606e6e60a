import type { LayerView } from './network.ts';
import type { Step } from './schedule.ts';

/** Parts are code of their own, so that their number is bounded. */
const MOST_PARTS = 4;

type Run = Pick<Step, 'chunk' | 'stripes' | 'panel'>;

/**
 * Samples of each of the parts of a sub-batch that a step runs on one after the other, whole chunks each, so that what follows can begin with the
 * first. A step that would have to come back to its weights, or that sums over samples on the array, has one.
 */
export function partSizes(view: LayerView, step: Run, samples: number): number[] {
  const chunks = !isDivisible(view, step) ? 1 : Math.ceil(samples / step.chunk);
  const count = Math.min(MOST_PARTS, chunks);
  if (count === 1) return [samples];
  const size = Math.ceil(chunks / count) * step.chunk;
  return Array.from({ length: Math.ceil(samples / size) }, (_, i) => Math.min(samples, (i + 1) * size) - i * size);
}

/** Whether a step takes its chunks one after the other, each once, and nothing else. */
export function isDivisible({ phase, matrix }: LayerView, { stripes, panel }: Run): boolean {
  if (phase === 'update' || stripes !== undefined) return false;
  if (matrix === undefined || panel === undefined) return true;
  return matrix.form !== 'weightGradient' && (panel.n >= matrix.columns || panel.kept === true) && panel.k >= matrix.k;
}
