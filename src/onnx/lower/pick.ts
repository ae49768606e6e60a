import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators, Result, Rule } from '../operator.ts';
import { numbersOf } from '../value.ts';
import { axisOf } from './axes.ts';
import { expectMovable, steps } from './gather.ts';
import { expandMove, identityAxes, type Move, moveActivation, moveValue, moving, picked } from './move.ts';

const range = (count: number, from = 0, step = 1): number[] => Array.from({ length: count }, (_, i) => from + i * step);

/** The indices that one axis of Slice takes, bounds clamped as ONNX says. */
function sliced(ctx: NodeContext, size: number, start: number, end: number, step: number): number[] {
  if (!Number.isInteger(step) || step === 0) ctx.badAttribute('steps must not be 0');
  const wrap = (i: number): number => (i < 0 ? i + size : i);
  const clamp = (i: number, low: number, high: number): number => Math.min(Math.max(i, low), high);
  const from = step > 0 ? clamp(wrap(start), 0, size) : clamp(wrap(start), 0, size - 1);
  const to = step > 0 ? clamp(wrap(end), 0, size) : clamp(wrap(end), -1, size - 1);
  return range(Math.max(0, Math.ceil((to - from) / step)), from, step);
}

function slice(ctx: NodeContext, shape: readonly number[]): Move {
  const asAttributes = ctx.opset < 10;
  const list = (name: string, index: number): readonly number[] | undefined =>
    asAttributes ? ctx.attrs.ints(name) : ctx.has(index) ? ctx.ints(index) : undefined;
  const starts = list('starts', 1) ?? ctx.badAttribute('starts is required');
  const ends = list('ends', 2) ?? ctx.badAttribute('ends is required');
  const axes = list('axes', 3) ?? starts.map((_, i) => i);
  const strides = (asAttributes ? undefined : list('steps', 4)) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || strides.length !== starts.length)
    ctx.badAttribute('starts, ends, axes and steps differ in length');
  const moved = identityAxes(ctx, shape);
  const result = [...shape];
  axes.forEach((a, i) => {
    const axis = axisOf(ctx, a, shape.length);
    const indices = sliced(ctx, shape[axis] ?? 0, starts[i] ?? 0, ends[i] ?? 0, strides[i] ?? 1);
    moved[axis] = picked(shape, axis, indices);
    result[axis] = indices.length;
  });
  return { axes: moved, shape: result };
}

/** Gather: the indices become dimensions in place of the axis. */
function gatherMove(ctx: NodeContext, shape: readonly number[]): Move {
  const indices = ctx.value(1);
  const axis = axisOf(ctx, ctx.attrs.int('axis', 0), shape.length);
  const size = shape[axis] ?? 0;
  expectMovable(ctx, [elementCount(indices.shape)]);
  const picks = numbersOf(indices).map((i) => (i < 0 ? i + size : i));
  const outside = picks.find((i) => !(i >= 0 && i < size));
  if (outside !== undefined) ctx.badShape(`index ${outside} is outside of dimension ${axis} of ${size}`);
  const moved = identityAxes(ctx, shape);
  moved[axis] = picked(shape, axis, picks);
  return { axes: moved, shape: [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)] };
}

function tile(ctx: NodeContext, shape: readonly number[]): Move {
  const repeats = ctx.ints(1);
  if (repeats.length !== shape.length || repeats.some((r) => r < 0))
    ctx.badShape(`${repeats.length} repeats for ${shape.length} dimensions`);
  const result = shape.map((d, i) => d * (repeats[i] ?? 1));
  return {
    axes: shape.map((d, i) =>
      picked(
        shape,
        i,
        range(result[i] ?? 0).map((j) => j % d),
      ),
    ),
    shape: result,
  };
}

/** The shape that x and the wanted one broadcast to; a mini-batch of the export stands for the bound one. */
function expandedShape(ctx: NodeContext, shape: readonly number[], target: readonly number[]): number[] {
  const rank = Math.max(shape.length, target.length);
  const dim = (dims: readonly number[], i: number): number => dims[i - rank + dims.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [own, want] = [dim(shape, i), dim(target, i)];
    const isBatch = i === 0 && ctx.batched && shape.length === rank && want === ctx.state.exportedBatch;
    if (own !== want && own !== 1 && want !== 1 && !isBatch)
      ctx.badShape(`[${shape.join(', ')}] does not broadcast to [${target.join(', ')}]`);
    return own === 1 && !isBatch ? want : own;
  });
}

function expand(ctx: NodeContext, shape: readonly number[]): Move {
  const result = expandedShape(ctx, shape, ctx.ints(1));
  return expandMove(ctx, shape, result);
}

/** Sizes of the parts of Split. */
function parts(ctx: NodeContext, size: number): number[] {
  const given = ctx.opset < 13 ? ctx.attrs.ints('split') : ctx.has(1) ? ctx.ints(1) : undefined;
  const count = ctx.attrs.has('num_outputs') ? ctx.attrs.int('num_outputs') : ctx.node.outputs.length;
  if (count < 1 || count > ctx.node.outputs.length)
    ctx.badAttribute(`num_outputs is ${count}, and the node has ${ctx.node.outputs.length} outputs`);
  const each = Math.ceil(size / count);
  const sizes = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(each, size - i * each)));
  if (sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== size)
    ctx.badShape(`parts of ${sizes.join(', ')} do not make up ${size}`);
  return [...sizes];
}

const NOT_EMPTY: Rule = { says: 'no part is empty' };

function splitMoves(ctx: NodeContext, shape: readonly number[]): Move[] {
  const axis = axisOf(ctx, ctx.attrs.int('axis', 0), shape.length);
  let from = 0;
  return parts(ctx, shape[axis] ?? 0).map((size) => {
    const moved = identityAxes(ctx, shape);
    moved[axis] = picked(shape, axis, range(size, from));
    from += size;
    return { axes: moved, shape: shape.map((d, i) => (i === axis ? size : d)) };
  });
}

function split(ctx: NodeContext): Result[] {
  const x = ctx.activation(0);
  return splitMoves(ctx, x.shape).map((move, i): ActivationOperand | undefined => {
    if (ctx.node.outputs[i] === undefined || ctx.node.outputs[i] === '') return undefined;
    return elementCount(move.shape) === 0 ? ctx.refuse(NOT_EMPTY) : moveActivation(ctx, x, move, i === 0 ? '' : `part${i}`);
  });
}

function blocks(ctx: NodeContext, shape: readonly number[]): { N: number; C: number; H: number; W: number; b: number } {
  const [N, C, H, W] = shape;
  const b = ctx.attrs.int('blocksize');
  if (shape.length !== 4 || N === undefined || C === undefined || H === undefined || W === undefined)
    return ctx.badShape(`input has shape [${shape.join(', ')}], and 4 dimensions are needed`);
  if (b < 1) ctx.badAttribute(`blocksize is ${b}`);
  return { N, C, H, W, b };
}

function depthToSpace(ctx: NodeContext, shape: readonly number[]): Move {
  const { N, C, H, W, b } = blocks(ctx, shape);
  expectMovable(ctx, shape);
  if (C % (b * b) !== 0) ctx.badShape(`${C} channels are no multiple of ${b}·${b}`);
  const K = C / (b * b);
  const plane = H * W;
  const columnFirst = ctx.attrs.string('mode', 'DCR') === 'CRD';
  const [k, rows, columns] = columnFirst ? [b * b * plane, b * plane, plane] : [plane, b * K * plane, K * plane];
  const axes = [steps(N, C * plane), steps(K, k), steps(H, W), steps(b, rows), steps(W, 1), steps(b, columns)];
  return { axes, shape: [N, K, H * b, W * b] };
}

function spaceToDepth(ctx: NodeContext, shape: readonly number[]): Move {
  const { N, C, H, W, b } = blocks(ctx, shape);
  expectMovable(ctx, shape);
  if (H % b !== 0 || W % b !== 0) ctx.badShape(`an image of ${H}x${W} has no whole blocks of ${b}x${b}`);
  const axes = [steps(N, C * H * W), steps(b, W), steps(b, 1), steps(C, H * W), steps(H / b, b * W), steps(W / b, b)];
  return { axes, shape: [N, b * b * C, H / b, W / b] };
}

/** Operators that pick, repeat and reorder elements. */
export const PICK_OPERATORS: Operators = {
  Slice: moving(slice, { inputs: [1, 5], attributes: ['axes', 'ends', 'starts'] }),
  Gather: moving(gatherMove, { inputs: [2, 2], attributes: ['axis'] }),
  Tile: moving(tile, { inputs: [2, 2], attributes: [] }),
  Expand: moving(expand, { inputs: [2, 2], attributes: [] }),
  DepthToSpace: moving(depthToSpace, { inputs: [1, 1], attributes: ['blocksize', 'mode'] }),
  SpaceToDepth: moving(spaceToDepth, { inputs: [1, 1], attributes: ['blocksize'] }),
  Split: {
    inputs: [1, 2],
    outputs: Number.POSITIVE_INFINITY,
    attributes: ['axis', 'num_outputs', 'split'],
    rules: [NOT_EMPTY],
    fold: (ctx) => splitMoves(ctx, ctx.value(0).shape).map((move) => moveValue(ctx, ctx.value(0), move)),
    lower: split,
  },
};
