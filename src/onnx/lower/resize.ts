import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators, Rule } from '../operator.ts';
import { numbersOf } from '../value.ts';
import { axisOf } from './axes.ts';
import { unaryLayer } from './elementwise.ts';
import { type Coordinates, interpolation, nearestIndices, type Resampling } from './interpolation.ts';
import { identityAxes, moveActivation, picked } from './move.ts';

const MODE: Rule = { says: 'mode is nearest, linear or cubic' };

interface Target {
  readonly axis: number;
  readonly size: number;
  readonly coordinates: Coordinates;
}

const floats = (ctx: NodeContext, index: number): number[] => numbersOf(ctx.value(index));

/** Sizes along the axes that are resized, and where their coordinates come from. */
function targets(ctx: NodeContext, shape: readonly number[]): Target[] {
  const { attrs } = ctx;
  const upsample = ctx.node.opType === 'Upsample';
  const transformation = upsample || ctx.opset < 11 ? 'asymmetric' : attrs.string('coordinate_transformation_mode', 'half_pixel');
  const axes = attrs.ints('axes')?.map((a) => axisOf(ctx, a, shape.length)) ?? [...shape.keys()];
  const given = (index: number): number[] | undefined => {
    if (!ctx.has(index)) return undefined;
    const values = floats(ctx, index);
    return values.length === 0 ? undefined : values;
  };
  const scalesAt = upsample || ctx.opset < 11 ? 1 : 2;
  const sizes = upsample || ctx.opset < 11 ? undefined : given(3);
  const scales = attrs.has('scales') ? [...(attrs.floats('scales') ?? [])] : sizes ? undefined : given(scalesAt);
  const list = sizes ?? scales ?? ctx.badShape('neither scales nor sizes are given');
  if (list.length !== axes.length) ctx.badShape(`${list.length} sizes for ${axes.length} dimensions`);
  const roi = given(1) ?? [];
  const lengths = axes.map((axis) => shape[axis] ?? 1);
  const ratios = sizes ? lengths.map((length, i) => (sizes[i] ?? 1) / length) : list;
  const policy = attrs.string('keep_aspect_ratio_policy', 'stretch');
  const common = policy === 'not_larger' ? Math.min(...ratios) : policy === 'not_smaller' ? Math.max(...ratios) : undefined;
  return axes.map((axis, i) => {
    const length = lengths[i] ?? 1;
    const scale = (sizes && common) ?? ratios[i] ?? 1;
    const size = sizes ? (common === undefined ? (sizes[i] ?? 1) : Math.floor(scale * length + 0.5)) : Math.floor(length * scale);
    if (!(size >= 1 && size <= 2 ** 20)) ctx.badShape(`dimension ${axis} would have ${size} elements`);
    const coordinates = { transformation, length, size, scale, roi: [roi[i] ?? 0, roi[i + axes.length] ?? 1] } as const;
    return { axis, size, coordinates };
  });
}

function resize(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  const x = ctx.activation(0);
  const named = attrs.string('mode', 'nearest');
  const moved = targets(ctx, x.shape).filter(
    ({ size, coordinates }) => size !== coordinates.length || coordinates.transformation === 'tf_crop_and_resize',
  );
  if (moved.length === 0) return x;
  if (ctx.batched && moved.some(({ axis }) => axis === 0)) ctx.mixesSamples('resizes dimension 0');
  if (named === 'nearest') {
    const rounding = ctx.node.opType === 'Upsample' || ctx.opset < 11 ? 'floor' : attrs.string('nearest_mode', 'round_prefer_floor');
    const axes = identityAxes(ctx, x.shape);
    const shape = [...x.shape];
    for (const { axis, size, coordinates } of moved) {
      axes[axis] = picked(x.shape, axis, nearestIndices(ctx, coordinates, rounding));
      shape[axis] = size;
    }
    return moveActivation(ctx, x, { axes, shape });
  }
  const filter =
    named === 'linear' || named === 'bilinear' || named === 'trilinear' ? 'linear' : named === 'cubic' ? 'cubic' : ctx.refuse(MODE, named);
  const options: Resampling = {
    filter,
    cubicA: attrs.float('cubic_coeff_a', -0.75),
    antialias: attrs.int('antialias', 0) !== 0,
    excludeOutside: attrs.int('exclude_outside', 0) !== 0,
  };
  // Weights of a position add up to 1, except outside: so the value there is taken off first, and added again.
  const outside = attrs.float('extrapolation_value', 0);
  const crops = outside !== 0 && moved.some(({ coordinates }) => coordinates.transformation === 'tf_crop_and_resize');
  let y = crops ? unaryLayer(ctx, x, 'scale', { alpha: 1, beta: -outside }, 'inside') : x;
  moved.forEach(({ axis, size, coordinates }, i) => {
    const { index, weight, taps } = interpolation(ctx, coordinates, options);
    const operands = [y.name, ctx.table(`index${axis}`, [size, taps], index), ctx.table(`weight${axis}`, [size, taps], weight)];
    const last = i === moved.length - 1 && !crops;
    y = ctx.emit('resample', operands, { axis: ctx.dimension(axis), size, taps }, last ? '' : `along${axis}`);
  });
  return crops ? unaryLayer(ctx, y, 'scale', { alpha: 1, beta: outside }) : y;
}

const RESIZE_ATTRIBUTES = [
  'antialias',
  'axes',
  'coordinate_transformation_mode',
  'cubic_coeff_a',
  'exclude_outside',
  'extrapolation_value',
  'keep_aspect_ratio_policy',
  'mode',
  'nearest_mode',
];

export const RESIZE_OPERATORS: Operators = {
  Resize: { inputs: [1, 4], attributes: RESIZE_ATTRIBUTES, rules: [MODE], lower: resize },
  Upsample: { inputs: [1, 2], attributes: ['mode', 'scales'], rules: [MODE], lower: resize },
};
