import type { NodeContext } from '../context.ts';

/** Attributes that all sliding windows share. */
export const WINDOW_ATTRIBUTES = ['auto_pad', 'dilations', 'kernel_shape', 'pads', 'strides'] as const;

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
  /** Whether ceil_mode let windows reach beyond the padding that the model states. */
  readonly extended: boolean;
}

function pair(ctx: NodeContext, name: string, values: readonly number[]): readonly [number, number] {
  const [a, b] = values;
  if (values.length !== 2 || a === undefined || b === undefined)
    return ctx.unsupported(`${name} is [${values.join(', ')}], and only images with 2 dimensions are`);
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

/**
 * Window of a convolution or pooling over an image, padding resolved.
 * @throws WavecError BAD_ATTRIBUTE, UNSUPPORTED_ATTRIBUTE
 */
export function windowOf(ctx: NodeContext, image: readonly [number, number], kernelShape: readonly number[], ceil = false): Window {
  const { attrs } = ctx;
  const kernel = pair(ctx, 'kernel_shape', kernelShape);
  const strides = pair(ctx, 'strides', attrs.ints('strides') ?? [1, 1]);
  const dilations = pair(ctx, 'dilations', attrs.ints('dilations') ?? [1, 1]);
  const stated = attrs.ints('pads') ?? [0, 0, 0, 0];
  const [top = 0, left = 0, bottom = 0, right = 0] = stated;
  if (stated.length !== 4) ctx.badAttribute(`pads has ${stated.length} values, and 4 are needed`);
  if (stated.some((p) => p < 0)) ctx.unsupported(`pads are negative: [${stated.join(', ')}]`);
  const auto = attrs.string('auto_pad', 'NOTSET') || 'NOTSET';
  if (!['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER'].includes(auto)) ctx.badAttribute(`auto_pad is '${auto}'`);
  let extended = false;
  const axisPads = ([size, taps, stride, dilation, before, after]: readonly [number, number, number, number, number, number]): readonly [
    number,
    number,
  ] => {
    const extent = (taps - 1) * dilation + 1;
    if (auto.startsWith('SAME')) return samePads(size, extent, stride, auto === 'SAME_UPPER');
    const [first, last] = auto === 'VALID' ? [0, 0] : [before, after];
    const end = ceil ? ceilPad({ size, extent, stride, before: first, after: last }) : last;
    extended ||= end !== last;
    return [first, end];
  };
  const [t, b] = axisPads([image[0], kernel[0], strides[0], dilations[0], top, bottom]);
  const [l, r] = axisPads([image[1], kernel[1], strides[1], dilations[1], left, right]);
  return { kernel, strides, dilations, pads: [t, l, b, r], extended };
}

/** Rows and columns of an NCHW activation. */
export function imageOf(ctx: NodeContext, shape: readonly number[]): readonly [number, number] {
  const [, , height, width] = shape;
  if (shape.length !== 4 || height === undefined || width === undefined) {
    return ctx.unsupported(`input has shape [${shape.join(', ')}], and only images [N, C, H, W] are`);
  }
  return [height, width];
}
