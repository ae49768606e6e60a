import { floatBits } from '../isa/float.ts';
import { wholeRows } from './chunks.ts';
import { type Chunk, type StepContext, TOKEN } from './context.ts';
import { emitDma } from './dma.ts';
import { constant, plus, times, ZERO } from './emitter.ts';
import { workOf } from './matrix.ts';
import type { Turn } from './turns.ts';
import { configure, float, int } from './vector-operands.ts';

/** Σx and Σx² in f64. */
export const PAIR_BYTES = 16;

/**
 * Whether the statistics of a product's result are gathered while it drains. Their totals are held for all samples of the iteration,
 * because panels of columns are outside of chunks: one clearing and one end a layer.
 */
export function gathers({ view }: StepContext): boolean {
  return view.outputs.length > 1;
}

/** Sets the totals to 0 before the matrix unit goes on. */
export function clearTotals(ctx: StepContext): void {
  ctx.e.scope(() => {
    const dst = ctx.e.value(constant(ctx.block('state').address));
    ctx.e.op('v.fill', { dst, bytes: ctx.view.state.perSample * ctx.iteration.samples }, { signal: [TOKEN.partial] });
    ctx.e.op('m.sync', {}, { wait: [TOKEN.partial] });
  });
}

/** Address of the totals of a chunk's first sample and a panel's first column. */
export function totalsAddress(ctx: StepContext, chunk: Chunk, columns: Turn): number {
  const { address } = ctx.block('state');
  const sample = times(chunk.offset, workOf(ctx).columns * PAIR_BYTES);
  return ctx.e.value(plus(plus(sample, times(columns.offset, PAIR_BYTES)), address));
}

/** The statistics of all samples, once the last result is drained. */
export function endTotals(ctx: StepContext): void {
  const { e } = ctx;
  const { m, columns } = workOf(ctx);
  const all: Chunk = { offset: ZERO, samples: ctx.iteration.samples };
  const GROUPS = int(ctx, 'setGroups');
  const EPS = floatBits(float(ctx, 'epsilon'));
  e.op('m.sync', {}, { signal: [TOKEN.done] });
  configure(ctx, { N: all.samples, C: columns, GROUPS, CROSS: 0, EPS, M: m * (columns / GROUPS) });
  const stores = ctx.access('out', 1).store;
  const state = e.value(constant(ctx.block('state').address));
  const stats = ctx.place('out', 1, all, 0);
  e.op('v.stats_end', { stats, state }, { wait: [TOKEN.done], signal: stores ? [TOKEN.ready] : [] });
  if (stores) emitDma(e, 'd.st', wholeRows(ctx, 'out', 1, all, 0), { wait: [TOKEN.ready] });
}
