import type { Chunk, StepContext } from './context.ts';
import { constant, contents, plus, times } from './emitter.ts';
import { workOf } from './matrix.ts';
import type { Turn } from './turns.ts';
import { configure } from './vector-operands.ts';

/** Before the first chunk. */
export function clearState(ctx: StepContext): void {
  const state = ctx.block('state');
  ctx.e.op('v.fill', { dst: ctx.e.value(constant(state.address)), bytes: state.bytes });
}

/** Behind the last one. */
export function endBias(ctx: StepContext): void {
  const { e } = ctx;
  configure(ctx, { N: ctx.iteration.samples, C: workOf(ctx).geometry.K });
  const db = e.value(constant(ctx.block(`out${ctx.view.bias}`).address));
  e.op('v.bias_end', { db, state: e.value(constant(ctx.block('state').address)), add: e.value(ctx.iteration.offset) });
}

/** The bias gradient sums the same chunk of the output gradient on the vector unit, sample by sample where it holds more channels than the panel. */
export function biasSums(ctx: StepContext, chunk: Chunk, dy: number, columns: Turn, pixels: number, packed: boolean): void {
  const { e } = ctx;
  const state = e.value(plus(times(columns.offset, 8), ctx.block('state').address));
  if (packed) {
    configure(ctx, { N: chunk.samples, C: columns.size, H: pixels, W: 1 });
    e.op('v.bias_sums', { state, dy });
    return;
  }
  configure(ctx, { N: 1, C: columns.size, H: pixels, W: 1 });
  const sampleBytes = workOf(ctx).geometry.K * pixels * 2;
  e.loop(chunk.samples, 1, (n) => {
    e.op('v.bias_sums', { state, dy: e.value(plus(contents(dy), times(n, sampleBytes))) });
  });
}
