import { elementCount } from '../../../ir/tensor.ts';
import type { NodeContext } from '../context.ts';
import type { Operator, Operators } from '../operator.ts';
import { type ElementClass, MOST_FOLDED, stridesOf, type Value, valueAt, walk } from '../value.ts';

/** Source strides for `shape`, 0 along the dimensions that broadcast. */
function broadcastStrides(ctx: NodeContext, value: Value, shape: readonly number[]): number[] {
  const strides = stridesOf(value.shape);
  const lead = shape.length - value.shape.length;
  return shape.map((d, i) => {
    const own = value.shape[i - lead] ?? 1;
    if (own !== d && own !== 1) ctx.badShape(`[${value.shape.join(', ')}] does not broadcast to [${shape.join(', ')}]`);
    return own === 1 ? 0 : (strides[i - lead] ?? 0);
  });
}

function broadcastShape(values: readonly Value[]): number[] {
  const rank = Math.max(...values.map((v) => v.shape.length));
  const dim = (v: Value, i: number): number => v.shape[i - rank + v.shape.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => values.map((v) => dim(v, i)).find((d) => d !== 1) ?? 1);
}

/** `f` of the elements that broadcasting brings together. */
function combined(ctx: NodeContext, values: readonly Value[], elements: ElementClass, f: (...xs: number[]) => number): Value {
  const shape = broadcastShape(values);
  const steps = values.map((v) => broadcastStrides(ctx, v, shape));
  if (values.every((v) => typeof v.data === 'number')) return { elements, shape, data: f(...values.map((v) => valueAt(v, 0))) };
  if (elementCount(shape) > MOST_FOLDED) ctx.badShape(`a constant of ${elementCount(shape)} elements is too large to compute`);
  const data = new Float64Array(elementCount(shape));
  walk(shape, steps, (target, offsets) => {
    data[target] = f(...values.map((v, k) => valueAt(v, offsets[k] ?? 0)));
  });
  return { elements, shape, data };
}

/** A function of two numbers on constants, from the left; integers stay whole. */
export function foldBinary(f: (a: number, b: number) => number): (ctx: NodeContext, ...given: Value[]) => Value {
  return (ctx, ...given) => {
    const values = given.length > 0 ? given : Array.from({ length: ctx.operandCount }, (_, i) => ctx.value(i));
    return values.reduce((a, b) => combined(ctx, [a, b], a.elements, a.elements === 'float' ? f : (x, y) => Math.trunc(f(x, y))));
  };
}

export function foldWhere(ctx: NodeContext): Value {
  return combined(ctx, [ctx.value(0), ctx.value(1), ctx.value(2)], ctx.value(1).elements, (c, x, y) => (c === 0 ? y : x));
}

const comparison = (f: (a: number, b: number) => boolean): Operator => ({
  inputs: [2, 2],
  attributes: ['axis', 'broadcast'],
  fold: (ctx) => combined(ctx, [ctx.value(0), ctx.value(1)], 'bool', (a, b) => (f(a, b) ? 1 : 0)),
});

/** Operators of two operands that shape arithmetic needs, and no layer computes. */
export const COMPARISON_OPERATORS: Operators = {
  Equal: comparison((a, b) => a === b),
  Greater: comparison((a, b) => a > b),
  GreaterOrEqual: comparison((a, b) => a >= b),
  Less: comparison((a, b) => a < b),
  LessOrEqual: comparison((a, b) => a <= b),
  And: comparison((a, b) => a !== 0 && b !== 0),
  Or: comparison((a, b) => a !== 0 || b !== 0),
  Mod: {
    inputs: [2, 2],
    attributes: ['fmod'],
    fold: (ctx) => foldBinary(ctx.attrs.int('fmod', 0) === 0 ? (a, b) => a - b * Math.floor(a / b) : (a, b) => a % b)(ctx),
  },
};
