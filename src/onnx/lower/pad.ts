import { elementCount } from '../../../ir/tensor.ts';
import type { NodeContext, PendingPad } from '../context.ts';
import type { Operators, Result } from '../operator.ts';
import { FARTHEST } from '../value.ts';
import { axisOf } from './axes.ts';
import { expectMovable } from './gather.ts';
import { type Move, moveActivation, moveValue, picked } from './move.ts';

const MODES = ['constant', 'reflect', 'edge', 'wrap'] as const;
type Mode = (typeof MODES)[number];

interface Padding {
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: Mode;
  readonly fill: number;
}

/** The padding in all forms that the operator has had. */
function paddingOf(ctx: NodeContext, rank: number): Padding {
  const asAttribute = ctx.opset < 11;
  const named = ctx.attrs.string('mode', 'constant');
  const mode = MODES.find((m) => m === named) ?? ctx.badAttribute(`mode is '${named}'`);
  const pads = (asAttribute ? ctx.attrs.ints('pads') : ctx.ints(1)) ?? ctx.badAttribute('pads is required');
  const value = asAttribute ? ctx.attrs.float('value', 0) : ctx.has(2) ? ctx.scalar(2) : 0;
  const fill = Math.min(Math.max(value, -FARTHEST), FARTHEST);
  const axes = ctx.has(3) ? ctx.ints(3).map((axis) => axisOf(ctx, axis, rank)) : Array.from({ length: rank }, (_, i) => i);
  if (pads.length !== 2 * axes.length) ctx.badAttribute(`pads has ${pads.length} values for ${axes.length} dimensions`);
  const [before, after] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(0)];
  axes.forEach((axis, i) => {
    before[axis] = pads[i] ?? 0;
    after[axis] = pads[i + axes.length] ?? 0;
  });
  return { before, after, mode, fill };
}

/** Which element of `size` stands at index i, counted from the first one; −1: none. */
const SOURCES: Record<Mode, (i: number, size: number) => number> = {
  constant: (i, size) => (i >= 0 && i < size ? i : -1),
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  wrap: (i, size) => ((i % size) + size) % size,
  reflect: (i, size) => {
    if (size === 1) return 0;
    const period = 2 * (size - 1);
    const at = ((i % period) + period) % period;
    return at < size ? at : period - at;
  },
};

function padMove(ctx: NodeContext, shape: readonly number[], { before, after, mode, fill }: Padding): Move {
  const result = shape.map((d, i) => d + (before[i] ?? 0) + (after[i] ?? 0));
  expectMovable(ctx, shape);
  expectMovable(ctx, result);
  const axes = shape.map((d, axis) => {
    const indices = Array.from({ length: result[axis] ?? 0 }, (_, i) => SOURCES[mode](i - (before[axis] ?? 0), d));
    return picked(shape, axis, indices);
  });
  return { axes, shape: result, fill };
}

/** Padding with a constant stays pending, so that a convolution or pooling behind it can do it. */
function pad(ctx: NodeContext): Result {
  const given = ctx.pending(0);
  const padding = paddingOf(ctx, given.shape.length);
  const { before, after, mode } = padding;
  const grows = [...before, ...after].every((p) => p >= 0);
  if (mode !== 'constant' || !grows || (ctx.batched && (before[0] !== 0 || after[0] !== 0))) {
    const x = ctx.activation(0);
    return moveActivation(ctx, x, padMove(ctx, x.shape, padding));
  }
  const { shape } = padMove(ctx, given.shape, padding);
  const name = `${ctx.node.outputs[0] ?? ctx.node.label}:padded`;
  const inner = given.pending;
  if (inner?.move !== 'transpose') {
    const pending: PendingPad = { move: 'pad', source: ctx.activation(0), before, after, fill: padding.fill };
    return { kind: 'activation', name, shape, pending };
  }
  // The transposition moves behind the padding, where it may meet its inverse.
  const turned = (values: readonly number[]): number[] => inner.source.shape.map((_, i) => values[inner.perm.indexOf(i)] ?? 0);
  const pending: PendingPad = { move: 'pad', source: inner.source, before: turned(before), after: turned(after), fill: padding.fill };
  const source = { kind: 'activation', name: `${name}:source`, shape: turned(shape), pending } as const;
  return { kind: 'activation', name, shape, pending: { ...inner, source } };
}

export const PAD_OPERATORS: Operators = {
  Pad: {
    inputs: [1, 4],
    attributes: ['mode', 'pads', 'value'],
    fold: (ctx) => {
      const value = ctx.value(0);
      if (elementCount(value.shape) === 0) ctx.badShape('the constant is empty');
      return moveValue(ctx, value, padMove(ctx, value.shape, paddingOf(ctx, value.shape.length)));
    },
    lower: pad,
  },
};
