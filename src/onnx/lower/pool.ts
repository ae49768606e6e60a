import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { axesOf } from './axes.ts';
import { imageOf, WINDOW_ATTRIBUTES, type Window, windowOf } from './window.ts';

function poolWindow(ctx: NodeContext, x: ActivationOperand): Window {
  const kernel = ctx.attrs.ints('kernel_shape') ?? ctx.badAttribute('kernel_shape is required');
  return windowOf(ctx, imageOf(ctx, x.shape), kernel, ctx.attrs.int('ceil_mode', 0) !== 0);
}

function maxPool(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const { kernel, strides, pads, dilations } = poolWindow(ctx, x);
  return ctx.emit('max_pool', [x.name], { kernel, strides, pads, dilations });
}

function averagePool(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const { kernel, strides, pads, dilations, extended } = poolWindow(ctx, x);
  if (dilations.some((d) => d !== 1)) ctx.unsupported(`dilations are [${dilations.join(', ')}]`);
  let countIncludePad = ctx.attrs.int('count_include_pad', 0) !== 0;
  if (countIncludePad && extended) {
    // What ceil_mode adds beyond the stated padding is never counted. Without stated padding that is plain counting of
    // valid elements; with it, the divisor would be neither of the two that the layer has.
    if (ctx.attrs.ints('pads')?.some((p) => p !== 0)) ctx.unsupported('ceil_mode reaches beyond padding that count_include_pad counts');
    countIncludePad = false;
  }
  return ctx.emit('avg_pool', [x.name], { kernel, strides, pads, countIncludePad });
}

function averageOf(ctx: NodeContext, x: ActivationOperand, kernel: readonly [number, number], part = ''): ActivationOperand {
  return ctx.emit('avg_pool', [x.name], { kernel, strides: [1, 1], pads: [0, 0, 0, 0], countIncludePad: false }, part);
}

function globalAveragePool(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  return averageOf(ctx, x, imageOf(ctx, x.shape));
}

function reduceMean(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const [height, width] = imageOf(ctx, x.shape);
  const axes = axesOf(ctx, x.shape.length, ctx.opset < 18) ?? [];
  if (axes.length === 0 && ctx.attrs.int('noop_with_empty_axes', 0) !== 0) return x;
  if (axes.length === 0 || axes.some((axis) => axis < 2)) {
    ctx.unsupported(`it reduces ${axes.length === 0 ? 'all axes' : `axes ${axes.join(', ')}`}, and only those of the image (2, 3) are`);
  }
  const kernel = [axes.includes(2) ? height : 1, axes.includes(3) ? width : 1] as const;
  if (ctx.attrs.int('keepdims', 1) !== 0) return averageOf(ctx, x, kernel);
  const pooled = averageOf(ctx, x, kernel, 'mean');
  return ctx.relabel(
    pooled,
    pooled.shape.filter((_, axis) => !axes.includes(axis)),
  );
}

export const POOL_OPERATORS: Operators = {
  // `storage_order` concerns the second output alone, which is refused where it is used.
  MaxPool: { inputs: [1, 1], attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'storage_order'], lower: maxPool },
  AveragePool: { inputs: [1, 1], attributes: [...WINDOW_ATTRIBUTES, 'ceil_mode', 'count_include_pad'], lower: averagePool },
  GlobalAveragePool: { inputs: [1, 1], attributes: [], lower: globalAveragePool },
  ReduceMean: { inputs: [1, 2], attributes: ['axes', 'keepdims', 'noop_with_empty_axes'], lower: reduceMean },
};
