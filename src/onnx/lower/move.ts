import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operator, Result } from '../operator.ts';
import { MOST_FOLDED, stridesOf, type Value, valueAt } from '../value.ts';
import { expectMovable, gather, type Offsets, steps } from './gather.ts';

/** A move of data: for every dimension of the result, offsets into the source; several may make up one dimension of `shape`. */
export interface Move {
  readonly axes: readonly Offsets[];
  readonly shape: readonly number[];
  readonly fill?: number;
}

/** The move that leaves all dimensions as they are, to be changed one by one. */
export function identityAxes(ctx: NodeContext, shape: readonly number[]): Offsets[] {
  expectMovable(ctx, shape);
  const strides = stridesOf(shape);
  return shape.map((size, i) => steps(size, strides[i] ?? 1));
}

/** The dimension `axis` picked element by element; −1 picks nothing. */
export function picked(shape: readonly number[], axis: number, indices: readonly number[]): Offsets {
  const stride = elementCount(shape.slice(axis + 1));
  return indices.map((i) => (i < 0 ? -1 : i * stride));
}

/** The axes that repeat x along the dimensions of size 1. */
export function expandMove(ctx: NodeContext, shape: readonly number[], result: readonly number[]): Move {
  const lead = result.length - shape.length;
  expectMovable(ctx, result);
  const own = identityAxes(ctx, shape);
  return { axes: result.map((d, i) => ((shape[i - lead] ?? 1) === 1 ? steps(d, 0) : (own[i - lead] ?? []))), shape: result };
}

/** A constant moved. */
export function moveValue(ctx: NodeContext, value: Value, { axes, shape, fill = 0 }: Move): Value {
  const total = elementCount(shape);
  if (typeof value.data === 'number' && axes.every((axis) => !axis.includes(-1))) return { ...value, shape };
  if (total > MOST_FOLDED) ctx.badShape(`a constant of ${total} elements is too large to compute`);
  const data = new Float64Array(total);
  let at = 0;
  const descend = (d: number, base: number): void => {
    const axis = axes[d];
    if (axis === undefined) data[at++] = base < 0 ? fill : valueAt(value, base);
    else for (const offset of axis) descend(d + 1, offset < 0 || base < 0 ? -1 : base + offset);
  };
  if (total > 0) descend(0, 0);
  return { ...value, shape, data };
}

/** An activation moved. Where dimension 0 is the mini-batch it must stay as it is. */
export function moveActivation(ctx: NodeContext, x: ActivationOperand, move: Move, part = ''): ActivationOperand {
  const { axes, shape, fill = 0 } = move;
  if (!ctx.batched) return gather(ctx, x, axes, shape, { fill, part });
  const stride = elementCount(x.shape.slice(1));
  const [first = [], ...rest] = axes;
  if (shape[0] !== x.shape[0] || first.length !== x.shape[0] || first.some((o, i) => o !== i * stride))
    ctx.mixesSamples('moves data along dimension 0');
  return gather(ctx, x, rest, shape, { fill, part });
}

/** An operator that moves data, as one rule for constants and activations: `plan` tells the move from the shape of input 0. */
export function moving(plan: (ctx: NodeContext, shape: readonly number[]) => Move, more: Omit<Operator, 'fold' | 'lower'>): Operator {
  return {
    ...more,
    fold: (ctx) => moveValue(ctx, ctx.value(0), plan(ctx, ctx.value(0).shape)),
    lower: (ctx): Result => {
      const x = ctx.activation(0);
      return moveActivation(ctx, x, plan(ctx, x.shape));
    },
  };
}
