import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import type { Operators, Rule } from '../operator.ts';
import {
  absorbedPads,
  autoPad,
  overImage,
  SPATIAL_DIMENSIONS,
  type Steps,
  statedPads,
  stepsOf,
  WINDOW_ATTRIBUTES,
  WINDOW_RULES,
  windowOf,
} from './window.ts';

interface Weight {
  readonly operand: ConstantOperand;
  /** With a column for images of one dimension. */
  readonly shape: readonly number[];
  readonly kernel: readonly number[];
}

function weightOf(ctx: NodeContext, spatial: number): Weight {
  const operand = ctx.constant(1);
  const { shape } = operand.value;
  if (shape.length !== spatial + 2)
    ctx.badShape(`weight '${operand.name}' has shape [${shape.join(', ')}], and ${spatial + 2} dimensions are needed`);
  const kernel = shape.slice(2);
  const stated = ctx.attrs.ints('kernel_shape') ?? kernel;
  if (stated.length !== kernel.length || stated.some((d, i) => d !== kernel[i]))
    ctx.badShape(`kernel_shape is [${stated.join(', ')}], weight '${operand.name}' has [${kernel.join(', ')}]`);
  return { operand, shape: spatial === 1 ? [...shape, 1] : shape, kernel };
}

const parameter = (ctx: NodeContext, { operand, shape }: Weight): string => ctx.parameter(operand, { dtype: 'f16', shape, trained: true });

function bias(ctx: NodeContext): string {
  const operand = ctx.constant(2);
  return ctx.parameter(operand, { dtype: 'f32', shape: operand.value.shape, trained: true });
}

function conv(ctx: NodeContext): ActivationOperand {
  const given = ctx.pending(0);
  const absorbed = absorbedPads(ctx, given, (fill) => fill === 0);
  const x = absorbed?.x ?? ctx.activationOf(given);
  const spatial = x.shape.length - 2;
  const weight = weightOf(ctx, spatial);
  return overImage(ctx, x, '', (image, part) => {
    const { strides, pads, dilations } = windowOf(ctx, image.shape, weight.kernel, spatial);
    const all = pads.map((p, i) => p + (absorbed?.pads[i] ?? 0));
    const inputs = [image.name, parameter(ctx, weight), ...(ctx.has(2) ? [bias(ctx)] : [])];
    return ctx.emit('conv', inputs, { strides, pads: all, dilations, groups: ctx.attrs.int('group', 1) }, part);
  });
}

const OUTPUT_PADDING: Rule = { says: 'output_padding is smaller than the stride' };
const OUTPUT_SHAPE: Rule = { says: 'output_shape asks for less than a stride beyond what the windows give' };

/** Size of the result along one dimension, and the padding that the convolution it reverses has. */
function transposedAxis(
  ctx: NodeContext,
  steps: Steps,
  axis: 0 | 1,
  size: number,
  stated: readonly [number, number],
  wanted: number | undefined,
  extra: number,
): {
  readonly size: number;
  readonly before: number;
  readonly after: number;
} {
  const stride = steps.strides[axis];
  const full = stride * (size - 1) + (steps.kernel[axis] - 1) * steps.dilations[axis] + 1 + extra;
  if (extra >= stride && extra > 0) ctx.refuse(OUTPUT_PADDING);
  const auto = autoPad(ctx);
  const target = wanted ?? (auto.startsWith('SAME') ? size * stride : undefined);
  if (target === undefined) {
    const [before, after] = auto === 'VALID' ? [0, 0] : stated;
    return { size: full - before - after, before, after };
  }
  const total = full - target;
  // What is asked for beyond the windows is output padding.
  if (total < 0) return -total < stride ? { size: target, before: 0, after: 0 } : ctx.refuse(OUTPUT_SHAPE);
  const half = Math.floor(total / 2);
  return auto === 'SAME_UPPER' ? { size: target, before: half, after: total - half } : { size: target, before: total - half, after: half };
}

function convTranspose(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const spatial = x.shape.length - 2;
  const weight = weightOf(ctx, spatial);
  const groups = ctx.attrs.int('group', 1);
  const steps = stepsOf(ctx, weight.kernel, spatial);
  const [top, left, bottom, right] = statedPads(ctx, spatial);
  const wanted = ctx.attrs.ints('output_shape')?.slice(-spatial);
  const extra = ctx.attrs.ints('output_padding') ?? [0, 0];
  return overImage(ctx, x, '', (image, part) => {
    const [, , H = 1, W = 1] = image.shape;
    const rows = transposedAxis(ctx, steps, 0, H, [top, bottom], wanted?.[0], extra[0] ?? 0);
    const columns = transposedAxis(
      ctx,
      steps,
      1,
      W,
      [left, right],
      spatial === 1 ? undefined : wanted?.[1],
      spatial === 1 ? 0 : (extra[1] ?? 0),
    );
    const channels = (weight.shape[1] ?? 1) * groups;
    const attrs = {
      strides: steps.strides,
      pads: [rows.before, columns.before, rows.after, columns.after],
      dilations: steps.dilations,
      groups,
      inputShape: [channels, rows.size, columns.size],
    };
    if (!ctx.has(2)) return ctx.emit('conv_transpose', [parameter(ctx, weight), image.name], attrs, part);
    const y = ctx.emit('conv_transpose', [parameter(ctx, weight), image.name], attrs, `${part}unbiased`);
    return ctx.emit('affine', [y.name, ctx.fill('scale', [channels], 1), bias(ctx)], {}, part);
  });
}

export const CONV_OPERATORS: Operators = {
  Conv: { inputs: [2, 3], attributes: [...WINDOW_ATTRIBUTES, 'group'], rules: WINDOW_RULES, perSample: true, lower: conv },
  ConvTranspose: {
    inputs: [2, 3],
    attributes: [...WINDOW_ATTRIBUTES, 'group', 'output_padding', 'output_shape'],
    rules: [SPATIAL_DIMENSIONS, ...WINDOW_RULES.slice(1), OUTPUT_PADDING, OUTPUT_SHAPE],
    perSample: true,
    lower: convTranspose,
  },
};
