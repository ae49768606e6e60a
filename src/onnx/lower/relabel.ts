import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { intsValue, reshaped, type Value } from '../value.ts';
import { axesOf, axisOf } from './axes.ts';

const listed = (shape: readonly number[]): string => `[${shape.join(', ')}]`;

/** The shape that Reshape gives; undefined where the number of elements contradicts. */
function targetShape(ctx: NodeContext, from: readonly number[], target: readonly number[]): number[] | undefined {
  const keepsZero = ctx.attrs.int('allowzero', 0) !== 0;
  const shape = target.map((d, i) =>
    d === 0 && !keepsZero ? (from[i] ?? ctx.badShape(`dimension ${i} of shape ${listed(target)} copies a dimension that is not there`)) : d,
  );
  const open = shape.indexOf(-1);
  if (shape.some((d, i) => d < 0 && i !== open)) ctx.badShape(`shape ${listed(target)} has more than one open dimension`);
  const known = elementCount(shape.filter((_, i) => i !== open));
  const total = elementCount(from);
  if (open < 0) return known === total ? shape : undefined;
  if (known === 0 || total % known !== 0) return undefined;
  shape[open] = total / known;
  return shape;
}

/**
 * Reshape of an activation. The shape may assume the mini-batch that the model was exported with ([1, 2048], [1, -1]), so
 * it is resolved against that one; a shape computed from the shape of an activation has the bound one in it.
 */
function reshape(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const target = ctx.ints(1);
  if (!ctx.batched)
    return ctx.relabel(x, targetShape(ctx, x.shape, target) ?? ctx.badShape(`${listed(x.shape)} cannot become ${listed(target)}`));
  const { batch, exportedBatch = batch } = ctx.state;
  const batches = ctx.value(1).fromShape ? [batch, exportedBatch] : [exportedBatch];
  const sample = x.shape.slice(1);
  const shapes = batches.map((n) => targetShape(ctx, [n, ...sample], target));
  const kept = shapes.find((shape, i) => shape?.[0] === batches[i]);
  if (kept) return ctx.relabel(x, [batch, ...kept.slice(1)]);
  const from = listed([exportedBatch, ...sample]);
  if (shapes.every((s) => s === undefined))
    return ctx.badShape(`${from} has ${elementCount([exportedBatch, ...sample])} elements, shape ${listed(target)} has others`);
  return ctx.mixesSamples(`makes ${listed(target)} of ${from}`);
}

function foldReshape(ctx: NodeContext): Value {
  const value = ctx.value(0);
  const shape = targetShape(ctx, value.shape, ctx.ints(1));
  return reshaped(value, shape ?? ctx.badShape(`${listed(value.shape)} cannot become ${listed(ctx.ints(1))}`));
}

function flattenAxis(ctx: NodeContext, rank: number): number {
  const axis = ctx.attrs.int('axis', 1);
  return axis === rank ? rank : axisOf(ctx, axis, rank);
}

function flatten(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const axis = flattenAxis(ctx, x.shape.length);
  if (ctx.batched && (axis === 0 || x.shape.slice(1, axis).some((d) => d !== 1)))
    ctx.mixesSamples(`has axis ${axis} over ${listed(x.shape)}`);
  return ctx.relabel(x, [elementCount(x.shape.slice(0, axis)), elementCount(x.shape.slice(axis))]);
}

function foldFlatten(ctx: NodeContext): Value {
  const value = ctx.value(0);
  const axis = flattenAxis(ctx, value.shape.length);
  return reshaped(value, [elementCount(value.shape.slice(0, axis)), elementCount(value.shape.slice(axis))]);
}

/** The first dimension that may come and go: the mini-batch stays where it is. */
const firstFree = (ctx: NodeContext): 0 | 1 => (ctx.batched ? 1 : 0);

/** The shape without the squeezed axes; `first` is the first dimension that may go. */
function squeezed(ctx: NodeContext, shape: readonly number[], first: number): number[] {
  const axes = axesOf(ctx, shape.length, ctx.opset < 13) ?? [...shape.keys()].filter((i) => i >= first && shape[i] === 1);
  const wrong = axes.find((axis) => shape[axis] !== 1);
  if (wrong !== undefined && wrong >= first) ctx.badShape(`axis ${wrong} of ${listed(shape)} is not 1`);
  if (axes.some((axis) => axis < first)) ctx.mixesSamples('removes dimension 0');
  return shape.filter((_, axis) => !axes.includes(axis));
}

function unsqueezed(ctx: NodeContext, shape: readonly number[], first: number): number[] {
  const asAttribute = ctx.opset < 13;
  const count = asAttribute ? ctx.attrs.ints('axes')?.length : ctx.ints(1).length;
  const axes = axesOf(ctx, shape.length + (count ?? 0), asAttribute) ?? ctx.badAttribute('axes is required');
  if (axes.some((axis) => axis < first)) ctx.mixesSamples('puts a dimension before dimension 0');
  const rest = [...shape];
  return Array.from({ length: shape.length + axes.length }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() ?? 1)));
}

function shapeOf(ctx: NodeContext): Value {
  const operand = ctx.operand(0);
  const shape = operand.kind === 'activation' ? operand.shape : operand.value.shape;
  const bound = (name: string, fallback: number): number => {
    const at = ctx.attrs.int(name, fallback);
    return Math.min(Math.max(at < 0 ? at + shape.length : at, 0), shape.length);
  };
  return { ...intsValue(shape.slice(bound('start', 0), bound('end', shape.length))), fromShape: operand.kind === 'activation' };
}

function sizeOf(ctx: NodeContext): Value {
  const operand = ctx.operand(0);
  const shape = operand.kind === 'activation' ? operand.shape : operand.value.shape;
  return { ...intsValue(elementCount(shape)), fromShape: operand.kind === 'activation' };
}

export const RELABEL_OPERATORS: Operators = {
  Identity: { inputs: [1, 1], attributes: [], fold: (ctx) => ctx.value(0), lower: (ctx) => ctx.pending(0) },
  Shape: { inputs: [1, 1], attributes: ['end', 'start'], fold: shapeOf, lower: shapeOf },
  Size: { inputs: [1, 1], attributes: [], fold: sizeOf, lower: sizeOf },
  Reshape: { inputs: [2, 2], attributes: ['allowzero'], fold: foldReshape, lower: reshape },
  Flatten: { inputs: [1, 1], attributes: ['axis'], fold: foldFlatten, lower: flatten },
  Squeeze: {
    inputs: [1, 2],
    attributes: ['axes'],
    fold: (ctx) => reshaped(ctx.value(0), squeezed(ctx, ctx.value(0).shape, 0)),
    lower: (ctx) => ctx.relabel(ctx.activation(0), squeezed(ctx, ctx.activation(0).shape, firstFree(ctx))),
  },
  Unsqueeze: {
    inputs: [1, 2],
    attributes: ['axes'],
    fold: (ctx) => reshaped(ctx.value(0), unsqueezed(ctx, ctx.value(0).shape, 0)),
    lower: (ctx) => ctx.relabel(ctx.activation(0), unsqueezed(ctx, ctx.activation(0).shape, firstFree(ctx))),
  },
};
