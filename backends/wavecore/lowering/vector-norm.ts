import { floatBits } from '../isa/float.ts';
import type { VectorSlot } from '../isa/slots.ts';
import type { Operands } from '../isa/table.ts';
import type { Chunk, StepContext } from './context.ts';
import { constant } from './emitter.ts';
import { addsToEarlier, bool, configure, float, image, input, int, maskOf, output, type VectorKind } from './vector-operands.ts';

const isFirst = (chunk: Chunk): boolean => chunk.stripe === undefined || chunk.stripe === 0;
const isLast = (ctx: StepContext, chunk: Chunk): boolean =>
  chunk.stripe === undefined || chunk.stripe === (ctx.step.stripes?.length ?? 1) - 1;

function normSlots(ctx: StepContext, i: number, chunk: Chunk): Partial<Record<VectorSlot, number>> {
  const [N = 1, C = 1, ...plane] = ctx.input(i).type.shape;
  const pixels = plane.reduce((a, b) => a * b, 1);
  const GROUPS = int(ctx, 'groups');
  const cross = bool(ctx, 'crossSample');
  return { ...image(ctx, i, chunk), GROUPS, CROSS: cross ? 1 : 0, M: (C / GROUPS) * pixels * (cross ? N : 1) };
}

/** The state block: one for the mini-batch, or refilled for each chunk. */
function clearState(ctx: StepContext): number {
  const state = ctx.block('state');
  const reg = ctx.e.value(constant(state.address));
  ctx.e.op('v.fill', { dst: reg, bytes: state.bytes });
  return reg;
}

const stateReg = (ctx: StepContext): number => ctx.e.value(constant(ctx.block('state').address));

/** What a normalization reads. */
function normalized(ctx: StepContext, chunk: Chunk): Omit<Operands<'v.norm'>, 'dst'> {
  return { src: input(ctx, 0, chunk), stats: input(ctx, 1, chunk), gamma: input(ctx, 2, chunk), beta: input(ctx, 3, chunk) };
}

/** Sums over the chunks of a sample or of the mini-batch, which `add` adds to. */
function normGradReduce(add: (ctx: StepContext, chunk: Chunk, operands: Operands<'v.norm_grad_sums'>) => void): VectorKind {
  return {
    before: (ctx) => {
      if (bool(ctx, 'crossSample')) clearState(ctx);
    },
    chunk: (ctx, chunk) => {
      const cross = bool(ctx, 'crossSample');
      configure(ctx, normSlots(ctx, 0, chunk));
      const state = !cross && isFirst(chunk) ? clearState(ctx) : stateReg(ctx);
      add(ctx, chunk, { state, x: input(ctx, 0, chunk), dy: input(ctx, 1, chunk) });
      if (!cross && isLast(ctx, chunk)) endNormGradient(ctx, output(ctx, 0, chunk), chunk);
    },
    after: (ctx) => {
      if (!bool(ctx, 'crossSample')) return;
      const whole: Chunk = { offset: constant(0), samples: ctx.iteration.samples };
      endNormGradient(ctx, ctx.e.value(constant(ctx.block('out0').address)), whole);
    },
  };
}

function normGradOperands(ctx: StepContext, chunk: Chunk): Operands<'v.norm_grad'> {
  return {
    dst: output(ctx, 0, chunk),
    x: input(ctx, 0, chunk),
    dy: input(ctx, 1, chunk),
    stats: input(ctx, 2, chunk),
    gamma: input(ctx, 3, chunk),
    sums: input(ctx, 4, chunk),
  };
}

function endNormGradient(ctx: StepContext, sums: number, chunk: Chunk): void {
  const dgamma = ctx.e.value(constant(ctx.block('out1').address));
  const dbeta = ctx.e.value(constant(ctx.block('out2').address));
  const operands = { state: stateReg(ctx), stats: input(ctx, 2, chunk), gamma: input(ctx, 3, chunk), add: addsToEarlier(ctx, chunk) };
  ctx.e.op('v.norm_grad_end', { sums, dgamma, dbeta, ...operands });
}

/** Normalization: its statistics, itself, and its gradient. */
export const NORM_KINDS: Readonly<Record<string, VectorKind>> = {
  norm_stats: {
    before: (ctx) => {
      if (bool(ctx, 'crossSample')) clearState(ctx);
    },
    chunk: (ctx, chunk) => {
      const cross = bool(ctx, 'crossSample');
      configure(ctx, { ...normSlots(ctx, 0, chunk), EPS: floatBits(float(ctx, 'epsilon')) });
      const state = !cross && isFirst(chunk) ? clearState(ctx) : stateReg(ctx);
      ctx.e.op('v.stats', { state, src: input(ctx, 0, chunk) });
      if (!cross && isLast(ctx, chunk)) ctx.e.op('v.stats_end', { stats: output(ctx, 0, chunk), state });
    },
    after: (ctx) => {
      if (!bool(ctx, 'crossSample')) return;
      const stats = ctx.shared('out', 0);
      ctx.e.op('v.stats_end', { stats, state: stateReg(ctx) });
      if (ctx.view.outputs.length === 1) return;
      configure(ctx, { EPS: floatBits(float(ctx, 'epsilon')), MOMENTUM: floatBits(float(ctx, 'momentum')) });
      ctx.e.op('v.running', { mean: ctx.shared('in', 1), variance: ctx.shared('in', 2), stats });
    },
  },
  norm_apply: {
    chunk: (ctx, chunk) => {
      configure(ctx, normSlots(ctx, 0, chunk));
      ctx.e.op('v.norm', { dst: output(ctx, 0, chunk), ...normalized(ctx, chunk) });
    },
  },
  norm_relu: {
    chunk: (ctx, chunk) => {
      configure(ctx, normSlots(ctx, 0, chunk));
      const masks = maskOf(ctx, chunk);
      ctx.e.op('v.norm_relu', { dst: output(ctx, 0, chunk), ...normalized(ctx, chunk), ...masks });
    },
  },
  norm_grad_reduce: normGradReduce((ctx, _chunk, operands) => ctx.e.op('v.norm_grad_sums', operands)),
  norm_relu_grad_reduce: normGradReduce((ctx, chunk, operands) =>
    ctx.e.op('v.norm_relu_grad_sums', { ...operands, mask: input(ctx, 4, chunk) }),
  ),
  norm_grad_apply: {
    chunk: (ctx, chunk) => {
      configure(ctx, normSlots(ctx, 0, chunk));
      ctx.e.op('v.norm_grad', normGradOperands(ctx, chunk));
    },
  },
  norm_relu_grad_apply: {
    chunk: (ctx, chunk) => {
      configure(ctx, normSlots(ctx, 0, chunk));
      ctx.e.op('v.norm_relu_grad', { ...normGradOperands(ctx, chunk), mask: input(ctx, 5, chunk) });
    },
  },
};
