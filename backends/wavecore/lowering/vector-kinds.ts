import { intsAttr, pairAttr } from '../../../ir/layers/attrs.ts';
import { softmaxRuns } from '../../../ir/layers/softmax.ts';
import { stripeRows } from '../../../passes/mbs/transfers.ts';
import { floatBits } from '../isa/float.ts';
import type { VectorSlot } from '../isa/slots.ts';
import type { Chunk, StepContext } from './context.ts';
import { plus } from './emitter.ts';
import { GENERAL_KINDS } from './vector-general.ts';
import { NORM_KINDS } from './vector-norm.ts';
import {
  bool,
  configure,
  flat,
  float,
  image,
  input,
  int,
  loadWords,
  maskOf,
  output,
  runSlots,
  specs,
  stripeOf,
  type VectorKind,
} from './vector-operands.ts';

function pool(ctx: StepContext, chunk: Chunk, gradient: boolean): Partial<Record<VectorSlot, number>> {
  const { attrs } = ctx.view.layer;
  const [R, S] = pairAttr(specs(ctx), attrs, 'kernel');
  const [SH, SW] = pairAttr(specs(ctx), attrs, 'strides');
  const [padTop = 0, padLeft = 0] = intsAttr(specs(ctx), attrs, 'pads');
  const [DH, DW] = pairAttr(specs(ctx), attrs, 'dilations');
  const x = gradient ? ctx.output(0) : ctx.input(0);
  const y = gradient ? ctx.input(0) : ctx.output(0);
  const [, C = 1, fullH = 1, W = 1] = x.type.shape;
  const [, , fullP = 1, Q = 1] = y.type.shape;
  const stripe = stripeOf(ctx, chunk);
  const outRows = stripe ?? [0, gradient ? fullH : fullP];
  const inRows = stripe === undefined ? [0, gradient ? fullP : fullH] : stripeRows(ctx.view, 0, stripe);
  const [h0 = 0, h1 = 0] = gradient ? outRows : inRows;
  const [p0 = 0, p1 = 0] = gradient ? inRows : outRows;
  return {
    N: chunk.samples,
    C,
    H: h1 - h0,
    W,
    P: p1 - p0,
    Q,
    R,
    S,
    SH,
    SW,
    PT: padTop + h0 - p0 * SH,
    PL: padLeft,
    DH,
    DW,
    FULLH: fullH,
    ROW0: h0,
  };
}

function divisor(ctx: StepContext): number {
  const [R, S] = pairAttr(specs(ctx), ctx.view.layer.attrs, 'kernel');
  return bool(ctx, 'countIncludePad') ? R * S : 0;
}

function lrnSlots(ctx: StepContext, chunk: Chunk): Partial<Record<VectorSlot, number>> {
  return {
    ...image(ctx, 0, chunk),
    SIZE: int(ctx, 'size'),
    ALPHA: floatBits(float(ctx, 'alpha')),
    BETA: floatBits(float(ctx, 'beta')),
    BIAS: floatBits(float(ctx, 'bias')),
  };
}

/** Copies a block of channels between a tensor of few channels and one of many. */
function copyChannels(
  ctx: StepContext,
  chunk: Chunk,
  wide: number,
  narrow: number,
  firstChannel: number,
  channels: number,
  toWide: boolean,
): void {
  const all = toWide ? ctx.output(0) : ctx.input(0);
  const [, C = 1] = all.type.shape;
  const stripe = stripeOf(ctx, chunk);
  const channelBytes = stripe === undefined ? all.bytes / C : ctx.rowBytes(all) * (stripe[1] - stripe[0]);
  const blocks = int(ctx, 'blocks');
  const bytes = (channels * channelBytes) / blocks;
  const wideBytes = (C * channelBytes) / blocks;
  const [SRCSTRIDE, DSTSTRIDE] = toWide ? [bytes, wideBytes] : [wideBytes, bytes];
  configure(ctx, { ROWS: chunk.samples * blocks, ROWBYTES: bytes, SRCSTRIDE, DSTSTRIDE });
  const shifted = ctx.e.value(plus({ base: 0, terms: [{ reg: wide, scale: 1 }] }, (firstChannel * channelBytes) / blocks));
  ctx.e.op('v.copy', toWide ? { dst: shifted, src: narrow } : { dst: narrow, src: shifted });
}

const dropoutSlots = (ctx: StepContext): Partial<Record<VectorSlot, number>> => ({
  RATIO: floatBits(float(ctx, 'ratio')),
  SCALE: floatBits(1 / (1 - float(ctx, 'ratio'))),
});

const softmaxLike = (op: 'v.softmax' | 'v.log_softmax'): VectorKind => ({
  chunk: (ctx, chunk) => {
    configure(ctx, runSlots(chunk, softmaxRuns(ctx.input(0).type.shape, ctx.view.layer.attrs)));
    ctx.e.op(op, { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk) });
  },
});

export const VECTOR_KINDS: Readonly<Record<string, VectorKind>> = {
  relu: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      const masks = maskOf(ctx, chunk);
      ctx.e.op('v.relu', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk), ...masks });
    },
  },
  relu_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      ctx.e.op('v.relu_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk), mask: input(ctx, 1, chunk) });
    },
  },
  add_relu: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      const masks = maskOf(ctx, chunk);
      ctx.e.op('v.add_relu', { dst: output(ctx, 0, chunk), a: input(ctx, 0, chunk), b: input(ctx, 1, chunk), ...masks });
    },
  },
  add_relu_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      const [a, b, mask] = [input(ctx, 0, chunk), input(ctx, 1, chunk), input(ctx, 2, chunk)];
      ctx.e.op('v.add_relu_grad', { dst: output(ctx, 0, chunk), a, b, mask });
    },
  },
  add: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      const dst = output(ctx, 0, chunk);
      ctx.e.op('v.add', { dst, a: input(ctx, 0, chunk), b: input(ctx, 1, chunk) });
      for (let i = 2; i < ctx.view.inputs.length; i++) ctx.e.scope(() => ctx.e.op('v.add', { dst, a: dst, b: input(ctx, i, chunk) }));
    },
  },
  mul: {
    chunk: (ctx, chunk) => {
      configure(ctx, flat(ctx, chunk));
      ctx.e.op('v.mul', { dst: output(ctx, 0, chunk), a: input(ctx, 0, chunk), b: input(ctx, 1, chunk) });
    },
  },
  affine: {
    chunk: (ctx, chunk) => {
      configure(ctx, image(ctx, 0, chunk));
      ctx.e.op('v.affine', {
        dst: output(ctx, 0, chunk),
        src: input(ctx, 0, chunk),
        scale: input(ctx, 1, chunk),
        shift: input(ctx, 2, chunk),
      });
    },
  },
  max_pool: {
    chunk: (ctx, chunk) => {
      configure(ctx, pool(ctx, chunk, false));
      const withIndex = ctx.view.outputs.length > 1 ? 1 : 0;
      const index = withIndex === 1 ? output(ctx, 1, chunk) : 0;
      ctx.e.op('v.max_pool', { dst: output(ctx, 0, chunk), index, src: input(ctx, 0, chunk), withIndex });
    },
  },
  max_pool_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, pool(ctx, chunk, true));
      ctx.e.op('v.max_pool_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk), index: input(ctx, 1, chunk) });
    },
  },
  avg_pool: {
    chunk: (ctx, chunk) => {
      configure(ctx, { ...pool(ctx, chunk, false), DIVISOR: divisor(ctx) });
      ctx.e.op('v.avg_pool', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk) });
    },
  },
  avg_pool_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, { ...pool(ctx, chunk, true), DIVISOR: divisor(ctx) });
      ctx.e.op('v.avg_pool_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk) });
    },
  },
  lrn: {
    chunk: (ctx, chunk) => {
      configure(ctx, lrnSlots(ctx, chunk));
      ctx.e.op('v.lrn', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk) });
    },
  },
  lrn_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, lrnSlots(ctx, chunk));
      ctx.e.op('v.lrn_grad', { dst: output(ctx, 0, chunk), x: input(ctx, 0, chunk), dy: input(ctx, 1, chunk) });
    },
  },
  concat: {
    chunk: (ctx, chunk) => {
      const wide = output(ctx, 0, chunk);
      let first = 0;
      ctx.view.inputs.forEach((o, i) => {
        const [, channels = 1] = o.type.shape;
        ctx.e.scope(() => copyChannels(ctx, chunk, wide, input(ctx, i, chunk), first, channels, true));
        first += channels;
      });
    },
  },
  split: {
    chunk: (ctx, chunk) => {
      const wide = input(ctx, 0, chunk);
      let first = 0;
      ctx.view.outputs.forEach((o, i) => {
        const [, channels = 1] = o.type.shape;
        ctx.e.scope(() => copyChannels(ctx, chunk, wide, output(ctx, i, chunk), first, channels, false));
        first += channels;
      });
    },
  },
  dropout: {
    chunk: (ctx, chunk) => {
      configure(ctx, { ...flat(ctx, chunk), ...dropoutSlots(ctx), SEED: int(ctx, 'seed'), STEP: 0 });
      if (ctx.view.inputs.length > 1) loadWords(ctx, 1, { STEP: 'step' });
      const masks = maskOf(ctx, chunk);
      const sample0 = ctx.e.value(plus(ctx.iteration.sample, chunk.offset));
      ctx.e.op('v.dropout', { dst: output(ctx, 0, chunk), src: input(ctx, 0, chunk), sample0, ...masks });
    },
  },
  dropout_grad: {
    chunk: (ctx, chunk) => {
      configure(ctx, { ...flat(ctx, chunk), ...dropoutSlots(ctx) });
      ctx.e.op('v.dropout_grad', { dst: output(ctx, 0, chunk), dy: input(ctx, 0, chunk), mask: input(ctx, 1, chunk) });
    },
  },
  ...GENERAL_KINDS,
  ...NORM_KINDS,
  softmax: softmaxLike('v.softmax'),
  log_softmax: softmaxLike('v.log_softmax'),
  softmax_loss: {
    chunk: (ctx, chunk) => {
      configureLoss(ctx, chunk);
      ctx.e.op('v.softmax_loss', {
        loss: output(ctx, 0, chunk),
        dlogits: output(ctx, 1, chunk),
        logits: input(ctx, 0, chunk),
        labels: input(ctx, 1, chunk),
      });
    },
  },
  mse_loss: {
    chunk: (ctx, chunk) => {
      configureLoss(ctx, chunk);
      const [y, target] = [input(ctx, 0, chunk), input(ctx, 1, chunk)];
      ctx.e.op('v.mse_loss', { loss: output(ctx, 0, chunk), dy: output(ctx, 1, chunk), y, target });
    },
  },
};

/** The loss scale is an attribute, or a word of the control tensor where it follows the overflows. */
function configureLoss(ctx: StepContext, chunk: Chunk): void {
  const weight = float(ctx, 'weight');
  configure(ctx, {
    ...flat(ctx, chunk),
    SCALE: floatBits(weight / int(ctx, 'batch')),
    WEIGHT: floatBits(weight),
    LOSSSCALE: floatBits(float(ctx, 'lossScale')),
  });
  if (ctx.view.inputs.length > 2) loadWords(ctx, 2, { LOSSSCALE: 'lossScale' });
}
