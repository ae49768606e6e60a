import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import type { Operators, Result, Rule } from '../operator.ts';
import { valueAt } from '../value.ts';
import { axisOf } from './axes.ts';
import { unaryLayer } from './elementwise.ts';

const SPATIAL: Rule = { says: 'statistics are those of whole channels (spatial is 1)', holds: (ctx) => ctx.attrs.int('spatial', 1) !== 0 };

function batchNormalization(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  const x = ctx.activation(0);
  const parameters = [1, 2, 3, 4].map((i) => {
    const operand = ctx.constant(i);
    // Running statistics (3, 4) are replaced, not learned.
    // Those that several nodes share become those of each: training updates them.
    const layout = ctx.state.training && i >= 3 ? ctx.node.label : '';
    return ctx.parameter(operand, { dtype: 'f32', shape: operand.value.shape, trained: i < 3, layout });
  });
  return ctx.emit('batch_norm', [x.name, ...parameters], { epsilon: attrs.float('epsilon', 1e-5), momentum: attrs.float('momentum', 0.9) });
}

function lrn(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  return ctx.emit('lrn', [ctx.activation(0).name], {
    size: attrs.int('size'),
    alpha: attrs.float('alpha', 1e-4),
    beta: attrs.float('beta', 0.75),
    bias: attrs.float('bias', 1),
  });
}

/** Statistics of each group of channels of each sample, and their application. */
function normalized(ctx: NodeContext, x: ActivationOperand, groups: number, scale: string, shift: string, part = ''): ActivationOperand {
  const attrs = { groups, crossSample: false };
  const stats = ctx.emit(
    'norm_stats',
    [x.name],
    { ...attrs, epsilon: ctx.attrs.float('epsilon', 1e-5) },
    part === '' ? 'stats' : `${part}.stats`,
  );
  return ctx.emit('norm_apply', [x.name, stats.name, scale, shift], attrs, part);
}

const channelParameter = (ctx: NodeContext, operand: ConstantOperand, channels: number): string =>
  elementCount(operand.value.shape) === channels
    ? ctx.parameter(operand, { dtype: 'f32', shape: [channels], trained: true })
    : ctx.badShape(`'${operand.name}' has shape [${operand.value.shape.join(', ')}], and ${channels} channels need as many values`);

function instanceNormalization(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const channels = x.shape[1] ?? 1;
  return normalized(ctx, x, channels, channelParameter(ctx, ctx.constant(1), channels), channelParameter(ctx, ctx.constant(2), channels));
}

const EACH_GROUP: Rule = { says: 'scale and bias of whole groups (operator set 18) are not trained' };

/** Up to operator set 20, scale and bias hold one value a group; since, one a channel. */
function groupNormalization(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const channels = x.shape[1] ?? 1;
  const groups = ctx.attrs.int('num_groups');
  if (groups < 1 || channels % groups !== 0) ctx.badAttribute(`num_groups ${groups} does not divide ${channels} channels`);
  const parameter = (index: number): string => {
    const operand = ctx.constant(index);
    if (ctx.opset >= 21 || groups === channels) return channelParameter(ctx, operand, channels);
    if (ctx.state.training) ctx.refuse(EACH_GROUP);
    if (elementCount(operand.value.shape) !== groups)
      ctx.badShape(`'${operand.name}' does not have one value for each of ${groups} groups`);
    const each = channels / groups;
    const data = Float32Array.from({ length: channels }, (_, c) => valueAt(operand.value, Math.floor(c / each)));
    return ctx.parameter(operand, { dtype: 'f32', shape: [channels], trained: false, layout: `each of ${channels} channels`, data });
  };
  return normalized(ctx, x, groups, parameter(1), parameter(2));
}

/**
 * Layer normalization over the dimensions from `axis` on: normalization of groups of channels, an element being a channel. Where the
 * sample holds several sets that are normalized apart, scale and bias are the same for all, and are applied by layers of their own.
 */
function layerNormalization(ctx: NodeContext): Result[] {
  const x = ctx.activation(0);
  const given = axisOf(ctx, ctx.attrs.int('axis', -1), x.shape.length);
  return [layerNormalized(ctx, x, ctx.dimension(given) - 1), ...layerStatistics(ctx, x, given)];
}

/** Mean and 1/deviation, where they are outputs that something uses. */
function layerStatistics(ctx: NodeContext, x: ActivationOperand, axis: number): Result[] {
  const [, mean = '', deviation = ''] = ctx.node.outputs;
  if (mean === '' && deviation === '') return [];
  const along = { axis: ctx.dimension(axis), count: x.shape.length - axis };
  const means = ctx.emit('reduce', [x.name], { op: 'mean', ...along }, 'mean');
  if (deviation === '') return [means];
  const centred = ctx.emit('binary', [x.name, means.name], { op: 'sub' }, 'centred');
  const variance = ctx.emit('reduce', [centred.name], { op: 'mean_square', ...along }, 'variance');
  const shifted = unaryLayer(ctx, variance, 'scale', { alpha: 1, beta: ctx.attrs.float('epsilon', 1e-5) }, 'shifted');
  return [means, unaryLayer(ctx, unaryLayer(ctx, shifted, 'sqrt', {}, 'deviation'), 'reciprocal', {}, 'inverse')];
}

function layerNormalized(ctx: NodeContext, x: ActivationOperand, axis: number): ActivationOperand {
  const sample = ctx.sample(x);
  const sets = elementCount(sample.slice(0, axis));
  const count = elementCount(sample);
  const flat = ctx.relabel(x, ctx.whole([count]), 'flat');
  const parameter = (index: number, absent: number): string =>
    ctx.has(index) ? channelParameter(ctx, ctx.constant(index), count) : ctx.fill(absent === 1 ? 'scale' : 'shift', [count], absent);
  if (sets === 1) {
    const y = normalized(ctx, flat, 1, parameter(1, 1), parameter(2, 0), x.shape.length > flat.shape.length ? 'normalized' : '');
    return ctx.relabel(y, x.shape);
  }
  const y = normalized(ctx, flat, sets, ctx.fill('one', [count], 1), ctx.fill('zero', [count], 0), 'normalized');
  let result = ctx.relabel(y, x.shape, 'shaped');
  const rank = sample.length;
  (
    [
      [1, 'mul'],
      [2, 'add'],
    ] as const
  ).forEach(([index, op]) => {
    if (!ctx.has(index)) return;
    const operand = ctx.constant(index);
    const shape = [...new Array<number>(rank - operand.value.shape.length).fill(1), ...operand.value.shape];
    const b = ctx.parameter(operand, { dtype: 'f32', shape, trained: true, layout: `of [${shape.join()}]` });
    const last = index === 2 || !ctx.has(2);
    result = ctx.emit('binary', [result.name, b], { op, constant: true }, last ? '' : 'scaled');
  });
  return result;
}

const NORM = ['epsilon', 'stash_type'] as const;

export const NORM_OPERATORS: Operators = {
  BatchNormalization: {
    inputs: [5, 5],
    attributes: ['epsilon', 'is_test', 'momentum', 'spatial', 'training_mode'],
    rules: [SPATIAL],
    perSample: true,
    lower: batchNormalization,
  },
  InstanceNormalization: { inputs: [3, 3], attributes: ['epsilon'], perSample: true, lower: instanceNormalization },
  GroupNormalization: {
    inputs: [3, 3],
    attributes: [...NORM, 'num_groups'],
    rules: [EACH_GROUP],
    perSample: true,
    lower: groupNormalization,
  },
  LayerNormalization: { inputs: [2, 3], attributes: [...NORM, 'axis'], outputs: 3, lower: layerNormalization },
  LRN: { inputs: [1, 1], attributes: ['alpha', 'beta', 'bias', 'size'], perSample: true, lower: lrn },
};
