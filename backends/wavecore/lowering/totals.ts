import { floatBits } from '../isa/float.ts';
import { type Chunk, type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run, type Tokens } from './dma.ts';
import { constant, plus, times, ZERO } from './emitter.ts';
import { workOf } from './matrix.ts';
import type { Turn } from './turns.ts';
import { configure, float, int } from './vector-operands.ts';

/** Σx and Σx² in f64. */
export const PAIR_BYTES = 16;

/**
 * Whether the statistics of a product's result are gathered while it drains. Their totals are held for all samples of the iteration,
 * because panels of columns are outside of chunks: one clearing and one end a part.
 */
export function gathers({ view }: StepContext): boolean {
  return view.outputs.length > 1;
}

/** Sets the totals of the part to 0. */
export function clearTotals(ctx: StepContext, tokens: Tokens = {}): void {
  ctx.e.scope(() => {
    const { from, to } = ctx.part;
    const bytes = ctx.view.state.perSample;
    ctx.e.op('v.fill', { dst: ctx.e.value(constant(ctx.block('state').address + from * bytes)), bytes: (to - from) * bytes }, tokens);
  });
}

/** The same before the matrix unit goes on. */
export function beginTotals(ctx: StepContext): void {
  clearTotals(ctx, { signal: [TOKEN.partial] });
  ctx.e.op('m.sync', {}, { wait: [TOKEN.partial] });
}

/** Address of the totals of a chunk's first sample and a panel's first column. */
export function totalsAddress(ctx: StepContext, chunk: Chunk, columns: Turn): number {
  const { address } = ctx.block('state');
  const sample = times(chunk.offset, workOf(ctx).columns * PAIR_BYTES);
  return ctx.e.value(plus(plus(sample, times(columns.offset, PAIR_BYTES)), address));
}

/** The statistics of the part's samples, once its last result is drained. */
export function endTotals(ctx: StepContext): void {
  const { e, part, view } = ctx;
  const { m, columns } = workOf(ctx);
  const GROUPS = int(ctx, 'setGroups');
  const EPS = floatBits(float(ctx, 'epsilon'));
  e.op('m.sync', {}, { signal: [TOKEN.done] });
  configure(ctx, { N: part.to - part.from, C: columns, GROUPS, CROSS: 0, EPS, M: m * (columns / GROUPS) });
  const stores = ctx.access('out', 1).store;
  const state = e.value(constant(ctx.block('state').address + part.from * view.state.perSample));
  const own: Chunk = { offset: constant(part.from), samples: part.to - part.from };
  const operand = ctx.output(1);
  const isResident = ctx.access('out', 1).mode === 'resident';
  const stats = ctx.place('out', 1, own, 0, isResident ? ZERO : constant(part.from * operand.bytes));
  e.op('v.stats_end', { stats, state }, { wait: [TOKEN.done], signal: stores ? [TOKEN.ready] : [] });
  const row = (): DmaRows => run(e.value(ctx.dram(operand, own)), stats, operand.bytes * own.samples);
  if (stores) emitDma(e, 'd.st', [row()], { wait: [TOKEN.ready] });
}
