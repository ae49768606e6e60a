import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Rule } from '../operator.ts';

/** Attributes that all sliding windows share. */
export const WINDOW_ATTRIBUTES = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'] as const;

export const SPATIAL_DIMENSIONS: Rule = {
  says: 'input 0 has 1 or 2 spatial dimensions, [N, C, L] or [N, C, H, W]',
  holds: (ctx) => {
    const x = ctx.operand(0);
    return x.kind !== 'activation' || x.shape.length === 3 || x.shape.length === 4;
  },
};

export const PADS_GROW: Rule = {
  says: 'pads are not negative',
  holds: (ctx) => (ctx.attrs.ints('pads') ?? []).every((p) => p >= 0),
};

export const WINDOW_RULES = [SPATIAL_DIMENSIONS, PADS_GROW] as const;

interface Axis {
  readonly size: number;
  readonly extent: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
}

export interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: readonly [number, number, number, number];
  /** What ceil_mode adds to the bottom and right padding. */
  readonly extended: readonly [number, number];
}

/** A list of one number for each spatial dimension as that of rows and columns; an image of one dimension has one column. */
function pair(ctx: NodeContext, name: string, values: readonly number[], spatial: number): readonly [number, number] {
  const [a, b = 1] = values;
  if (values.length !== spatial || a === undefined)
    return ctx.badAttribute(`${name} is [${values.join(', ')}], and ${spatial} spatial dimensions need as many values`);
  if (a < 1 || b < 1) return ctx.badAttribute(`${name} is [${values.join(', ')}], and must be positive`);
  return [a, b];
}

/** Padding of one axis where auto_pad asks for ceil(size/stride) outputs. */
function samePads(size: number, extent: number, stride: number, upper: boolean): readonly [number, number] {
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  const less = Math.floor(total / 2);
  return upper ? [less, total - less] : [total - less, less];
}

/**
 * End padding that makes the rounded-down output size equal the rounded-up one, without windows that would begin
 * in the padding at the end (ONNX MaxPool, AveragePool: ceil_mode).
 */
function ceilPad({ size, extent, stride, before, after }: Axis): number {
  const room = size + before + after - extent;
  let count = Math.ceil(room / stride) + 1;
  if ((count - 1) * stride >= size + before) count--;
  if (count === Math.floor(room / stride) + 1) return after;
  return (count - 1) * stride + extent - size - before;
}

/** The attribute auto_pad. */
export function autoPad(ctx: NodeContext): 'NOTSET' | 'VALID' | 'SAME_UPPER' | 'SAME_LOWER' {
  const auto = ctx.attrs.string('auto_pad', 'NOTSET') || 'NOTSET';
  const known = (['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'] as const).find((name) => name === auto);
  return known ?? ctx.badAttribute(`auto_pad is '${auto}'`);
}

/** Stated pads as top, left, bottom, right. */
export function statedPads(ctx: NodeContext, spatial: number): readonly [number, number, number, number] {
  const stated = ctx.attrs.ints('pads') ?? new Array<number>(2 * spatial).fill(0);
  if (stated.length !== 2 * spatial) ctx.badAttribute(`pads has ${stated.length} values, and ${2 * spatial} are needed`);
  const [a = 0, b = 0, c = 0, d = 0] = stated;
  return spatial === 1 ? [a, 0, b, 0] : [a, b, c, d];
}

export interface Steps {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
}

/** Kernel, strides and dilations of rows and columns. */
export function stepsOf(ctx: NodeContext, kernelShape: readonly number[], spatial: number): Steps {
  const ones = new Array<number>(spatial).fill(1);
  return {
    kernel: pair(ctx, 'kernel_shape', kernelShape, spatial),
    strides: pair(ctx, 'strides', ctx.attrs.ints('strides') ?? ones, spatial),
    dilations: pair(ctx, 'dilations', ctx.attrs.ints('dilations') ?? ones, spatial),
  };
}

/**
 * Window of a convolution or pooling over an image of [N, C, H, W], padding resolved.
 * @throws WavecError BAD_ATTRIBUTE
 */
export function windowOf(
  ctx: NodeContext,
  image: readonly number[],
  kernelShape: readonly number[],
  spatial: number,
  ceil = false,
): Window {
  const steps = stepsOf(ctx, kernelShape, spatial);
  const { kernel, strides, dilations } = steps;
  const [top, left, bottom, right] = statedPads(ctx, spatial);
  const auto = autoPad(ctx);
  const along = (axis: 0 | 1, before: number, after: number): readonly [number, number, number] => {
    const size = image[axis + 2] ?? 1;
    const [stride, extent] = [strides[axis], (kernel[axis] - 1) * dilations[axis] + 1];
    if (auto.startsWith('SAME')) return [...samePads(size, extent, stride, auto === 'SAME_UPPER'), 0];
    const [first, last] = auto === 'VALID' ? [0, 0] : [before, after];
    const end = ceil ? ceilPad({ size, extent, stride, before: first, after: last }) : last;
    return [first, end, end - last];
  };
  const [t, b, below] = along(0, top, bottom);
  const [l, r, beyond] = along(1, left, right);
  return { ...steps, pads: [t, l, b, r], extended: [below, beyond] };
}

/** [N, C, L] as an image of one column. */
export function asImage(ctx: NodeContext, x: ActivationOperand): ActivationOperand {
  return x.shape.length === 3 ? ctx.relabel(x, [...x.shape, 1], 'image') : x;
}

/** The result of a layer over an image in the rank of the node's input; `make` emits the layer. */
export function overImage(
  ctx: NodeContext,
  given: ActivationOperand,
  part: string,
  make: (image: ActivationOperand, part: string) => ActivationOperand,
): ActivationOperand {
  if (given.shape.length !== 3) return make(given, part);
  const y = make(asImage(ctx, given), `${part}pixels`);
  return ctx.relabel(y, y.shape.slice(0, 3), part);
}

/** Padding of rows and columns that waits in front of a window: of a value that `fills` takes, around the image alone, below `limit`. */
export function absorbedPads(
  ctx: NodeContext,
  x: ActivationOperand,
  fills: (fill: number) => boolean,
  limit = Number.POSITIVE_INFINITY,
): { readonly x: ActivationOperand; readonly pads: readonly [number, number, number, number] } | undefined {
  const { pending } = x;
  if (pending?.move !== 'pad' || !fills(pending.fill) || autoPad(ctx) !== 'NOTSET') return undefined;
  const { before, after, source } = pending;
  if ([...before.slice(0, 2), ...after.slice(0, 2)].some((p) => p !== 0) || [...before, ...after].some((p) => p >= limit)) return undefined;
  return { x: ctx.activationOf(source), pads: [before[2] ?? 0, before[3] ?? 0, after[2] ?? 0, after[3] ?? 0] };
}
