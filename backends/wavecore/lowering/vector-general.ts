import { BINARY_OPS } from '../../../ir/functions/binary.ts';
import { REDUCE_OPS } from '../../../ir/functions/reduction.ts';
import { UNARY_OPS } from '../../../ir/functions/unary.ts';
import { intsAttr } from '../../../ir/layers/attrs.ts';
import { binaryOp, gradientSide } from '../../../ir/layers/binary.ts';
import { broadcastStrides, mergedWalk, type Walk } from '../../../ir/layers/broadcast.ts';
import { reducedFrom, reducedRuns, reduceOp } from '../../../ir/layers/reduce.ts';
import { resampledRuns } from '../../../ir/layers/resample.ts';
import { softmaxRuns } from '../../../ir/layers/softmax.ts';
import { sumWalk } from '../../../ir/layers/sum-samples.ts';
import { unaryOf } from '../../../ir/layers/unary.ts';
import { isImage, type Operand } from '../../../passes/mbs/network.ts';
import { stripeRows } from '../../../passes/mbs/transfers.ts';
import { floatBits } from '../isa/float.ts';
import type { VectorSlot } from '../isa/slots.ts';
import type { Chunk, StepContext } from './context.ts';
import { constant } from './emitter.ts';
import {
  addsToEarlier,
  configure,
  flat,
  float,
  input,
  int,
  output,
  runSlots,
  specs,
  stripeOf,
  type VectorKind,
} from './vector-operands.ts';

type Slots = Partial<Record<VectorSlot, number>>;

function unarySlots(ctx: StepContext, chunk: Chunk): Slots {
  const { op, alpha, beta } = unaryOf(ctx.view.layer.attrs);
  return { ...flat(ctx, chunk), OP: UNARY_OPS.indexOf(op), ALPHA: floatBits(alpha), BETA: floatBits(beta) };
}

/** Sizes of a walk, filled up in front. */
function sizeSlots(sizes: readonly number[], dims: readonly VectorSlot[]): Slots {
  return Object.fromEntries(dims.map((slot, i) => [slot, sizes[i - dims.length + sizes.length] ?? 1]));
}

function strideSlots({ sizes, strides }: Walk, operand: number, slots: readonly VectorSlot[]): Slots {
  return Object.fromEntries(slots.map((slot, i) => [slot, strides[operand]?.[i - slots.length + sizes.length] ?? 0]));
}

const SIZES = ['D0', 'D1', 'D2', 'D3'] as const;
const STRIDES_A = ['A0', 'A1', 'A2', 'A3'] as const;
const STRIDES_B = ['B0', 'B1', 'B2', 'B3'] as const;

/** Shape of a sample of an operand as it lies in the global buffer: of an image, the rows that the stripe needs. */
function sampleShape(ctx: StepContext, operand: Operand, index: number, chunk: Chunk): number[] {
  const shape = operand.batched ? operand.type.shape.slice(1) : [...operand.type.shape];
  const stripe = stripeOf(ctx, chunk);
  if (stripe === undefined || !isImage(operand)) return shape;
  const [from, to] = stripeRows(ctx.view, index, stripe);
  return shape.map((d, i) => (i === 1 ? to - from : d));
}

const product = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Slots and addresses of an instruction that walks two operands with broadcasting. */
function broadcast(ctx: StepContext, chunk: Chunk): { slots: Slots; a: number; b: number } {
  const [inA, inB] = [ctx.input(0), ctx.input(1)];
  const whole = sampleShape(ctx, ctx.output(0), -1, chunk);
  const [shapeA, shapeB] = [sampleShape(ctx, inA, 0, chunk), sampleShape(ctx, inB, 1, chunk)];
  const walk = mergedWalk(whole, [broadcastStrides(shapeA, whole), broadcastStrides(shapeB, whole)]);
  const slots = {
    N: chunk.samples,
    OP: BINARY_OPS.indexOf(binaryOp(ctx.view.layer.attrs)),
    ...sizeSlots(walk.sizes, SIZES),
    D4: 1,
    BBYTES: inB.type.dtype === 'f32' ? 4 : 2,
    ...strideSlots(walk, 0, STRIDES_A),
    ANS: product(shapeA),
    BNS: inB.batched ? product(shapeB) : 0,
    ...strideSlots(walk, 1, STRIDES_B),
  };
  // A constant is there with all its rows: the walk starts at those of the stripe.
  const stripe = stripeOf(ctx, chunk);
  const [, rows = 1, columns = 1] = inB.type.shape;
  const skipped = stripe === undefined || inB.batched || rows === 1 ? 0 : stripe[0] * columns * (inB.type.dtype === 'f32' ? 4 : 2);
  return { slots, a: input(ctx, 0, chunk), b: ctx.place('in', 1, chunk, ctx.turns, constant(skipped)) };
}

/** Slots of gather and scatter; `span` is the operand that offsets point into. */
function walkSlots(ctx: StepContext, chunk: Chunk, span: Operand): Slots {
  const sizes = intsAttr(specs(ctx), ctx.view.layer.attrs, 'dims');
  const dims = sizeSlots(sizes, ['D0', 'D1', 'D2', 'D3', 'D4']);
  return { N: chunk.samples, RUN: int(ctx, 'run'), SPAN: product(span.type.shape.slice(1)), ...dims };
}

function reduceSlots(ctx: StepContext, chunk: Chunk, shape: readonly number[]): Slots {
  const { attrs } = ctx.view.layer;
  return { ...runSlots(chunk, reducedRuns(shape, attrs)), OP: REDUCE_OPS.indexOf(reduceOp(attrs)) };
}

/** Slots of resample and its gradient: runs of the side with the taps, length of the other side. */
function resampleSlots(ctx: StepContext, chunk: Chunk, many: Operand, pointed: Operand): Slots {
  const { attrs } = ctx.view.layer;
  const { runs, taps } = resampledRuns(many.type.shape, attrs);
  return { ...runSlots(chunk, runs), TAPS: taps, FROM: resampledRuns(pointed.type.shape, attrs).runs.length };
}

const softmaxGradient = (log: 0 | 1): VectorKind => ({
  chunk: (ctx, chunk) => {
    configure(ctx, runSlots(chunk, softmaxRuns(ctx.input(0).type.shape, ctx.view.layer.attrs)));
    ctx.e.op('v.softmax_grad', { dst: output(ctx, 0, chunk), y: input(ctx, 0, chunk), dy: input(ctx, 1, chunk), log });
  },
});

/** Kinds that are one function of a table each, and those that move data. */
export const GENERAL_KINDS: Readonly<Record<string, VectorKind>> = {
  unary: {
    chunk: (ctx, chunk) => {
      configure(ctx, unarySlots(ctx, chunk));
      ctx.e.op('v.unary', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk) });
    },
  },
  unary_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, unarySlots(ctx, chunk));
      ctx.e.op('v.unary_grad', { dst: output(ctx, 0, chunk), x: input(ctx, 0, chunk), dy: input(ctx, 1, chunk) });
    },
  },
  binary: {
    chunk: (ctx, chunk) => {
      const { slots, a, b } = broadcast(ctx, chunk);
      configure(ctx, slots);
      ctx.e.op('v.binary', { dst: output(ctx, 0, chunk), a, b });
    },
  },
  binary_grad: {
    chunk: (ctx, chunk) => {
      const { slots, a, b } = broadcast(ctx, chunk);
      configure(ctx, { ...slots, SIDE: gradientSide(ctx.view.layer.attrs) === 'a' ? 0 : 1 });
      ctx.e.op('v.binary_grad', { dst: output(ctx, 0, chunk), a, b, dy: input(ctx, 2, chunk) });
    },
  },
  sum_samples: {
    chunk: (ctx, chunk) => {
      const { shape } = ctx.output(0).type;
      const walk = sumWalk(ctx.input(0).type, shape);
      const slots = {
        N: chunk.samples,
        COUNT: product(shape),
        ...sizeSlots(walk.sizes, SIZES),
        D4: 1,
        ...strideSlots(walk, 0, STRIDES_B),
      };
      configure(ctx, { ...slots, A0: 0, A1: 0, A2: 0, A3: 0, ANS: 0, BNS: 0 });
      const dst = ctx.e.value(constant(ctx.block('out0').address));
      ctx.e.op('v.sum_samples', { dst, src: input(ctx, 0, chunk), add: addsToEarlier(ctx, chunk) });
    },
  },
  gather: {
    chunk: (ctx, chunk) => {
      configure(ctx, { ...walkSlots(ctx, chunk, ctx.input(0)), FILL: floatBits(float(ctx, 'fill')) });
      ctx.e.op('v.gather', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk), table: input(ctx, 1, chunk) });
    },
  },
  scatter: {
    chunk: (ctx, chunk) => {
      configure(ctx, walkSlots(ctx, chunk, ctx.output(0)));
      ctx.e.op('v.scatter', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk), table: input(ctx, 1, chunk) });
    },
  },
  resample: {
    chunk: (ctx, chunk) => {
      configure(ctx, resampleSlots(ctx, chunk, ctx.output(0), ctx.input(0)));
      const [index, weight] = [input(ctx, 1, chunk), input(ctx, 2, chunk)];
      ctx.e.op('v.resample', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk), index, weight });
    },
  },
  resample_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, resampleSlots(ctx, chunk, ctx.input(0), ctx.output(0)));
      const [index, weight] = [input(ctx, 1, chunk), input(ctx, 2, chunk)];
      ctx.e.op('v.resample_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk), index, weight });
    },
  },
  reduce: {
    chunk: (ctx, chunk) => {
      configure(ctx, reduceSlots(ctx, chunk, ctx.input(0).type.shape));
      ctx.e.op('v.reduce', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk) });
    },
  },
  reduce_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, reduceSlots(ctx, chunk, reducedFrom(ctx.input(0).type, ctx.view.layer.attrs)));
      const withValues = ctx.view.inputs.length > 1 ? 1 : 0;
      const [x, y] = withValues === 1 ? [input(ctx, 1, chunk), input(ctx, 2, chunk)] : [0, 0];
      ctx.e.op('v.reduce_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk), x, y, withValues });
    },
  },
  softmax_grad: softmaxGradient(0),
  log_softmax_grad: softmaxGradient(1),
};
