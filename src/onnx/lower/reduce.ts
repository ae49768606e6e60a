import { REDUCTIONS, type ReduceOp } from '../../../ir/functions/reduction.ts';
import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operator, Operators } from '../operator.ts';
import { MOST_FOLDED, stridesOf, type Value, valueAt, walk } from '../value.ts';
import { axesOf } from './axes.ts';
import { averageOf } from './pool.ts';
import { pendingTranspose, transposed } from './transpose.ts';

/** Reductions that give the same in one step as along one dimension after the other. */
const STEPWISE: readonly ReduceOp[] = ['sum', 'mean', 'max', 'min', 'l1'];
/** What the further steps are. */
const FURTHER: Partial<Record<ReduceOp, ReduceOp>> = { l1: 'sum' };

/** The axes that are reduced: all where none are named, unless the node says that none means none. */
function reducedAxes(ctx: NodeContext, rank: number, inputSince: number): number[] {
  const axes = axesOf(ctx, rank, ctx.opset < inputSince) ?? [];
  if (axes.length > 0) return axes.toSorted((a, b) => a - b);
  return ctx.attrs.int('noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, i) => i);
}

/** Runs of adjacent dimensions among those reduced; dimensions of size 1 between them belong to a run. */
function runsOf(shape: readonly number[], axes: readonly number[]): { from: number; count: number }[] {
  const runs: { from: number; count: number }[] = [];
  for (const axis of axes) {
    const last = runs.at(-1);
    const between = last === undefined ? [] : shape.slice(last.from + last.count, axis);
    if (last !== undefined && between.every((d) => d === 1)) last.count = axis + 1 - last.from;
    else runs.push({ from: axis, count: 1 });
  }
  return runs;
}

function reduced(ctx: NodeContext, op: ReduceOp, given: ActivationOperand, axes: readonly number[], part: string): ActivationOperand {
  const turned = pendingTranspose(given);
  if (turned) {
    const own = axes.map((axis) => turned.perm[axis] ?? 0).toSorted((a, b) => a - b);
    return transposed(reduced(ctx, op, turned.source, own, `${part}source`), turned.perm);
  }
  const x = ctx.activationOf(given);
  const image = x.shape.length >= 3 && axes.length === x.shape.length - 2 && axes.every((axis, i) => axis === i + 2);
  if (op === 'mean' && image && ctx.batched && x.shape.length <= 4) return averageOf(ctx, x, part);
  const runs = runsOf(x.shape, axes);
  if (runs.length > 1 && !STEPWISE.includes(op)) {
    const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
    const last = ctx.activationOf(transposed(x, [...kept, ...axes]));
    const gone = axes.map((_, i) => kept.length + i);
    const y = reduced(ctx, op, last, gone, `${part}reduced`);
    return ctx.relabel(
      y,
      x.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
      part,
    );
  }
  let y = x;
  // Dimensions behind come first, so that those in front keep their place.
  runs.toReversed().forEach(({ from, count }, i) => {
    const step = i === 0 ? op : (FURTHER[op] ?? op);
    const attrs = { op: step, axis: ctx.dimension(from), count };
    y = ctx.emit('reduce', [y.name], attrs, i === runs.length - 1 ? part : `${part}step${i}`);
  });
  return y;
}

function foldReduction(ctx: NodeContext, op: ReduceOp, inputSince: number): Value {
  const value = ctx.value(0);
  const axes = reducedAxes(ctx, value.shape.length, inputSince);
  const kept = value.shape.map((d, i) => (axes.includes(i) ? 1 : d));
  const { start, add, finish } = REDUCTIONS[op];
  const total = elementCount(value.shape);
  if (total > MOST_FOLDED || total === 0) ctx.badShape(`a constant of ${total} elements cannot be reduced`);
  const sums = new Float64Array(elementCount(kept)).fill(start);
  const steps = stridesOf(kept).map((s, i) => (kept[i] === 1 ? 0 : s));
  walk(value.shape, [steps], (source, [target = 0]) => {
    sums[target] = add(sums[target] ?? 0, valueAt(value, source));
  });
  const length = total / sums.length;
  const data = sums.map((s) => (value.elements === 'float' ? finish(s, length) : Math.trunc(finish(s, length))));
  const keeps = ctx.attrs.int('keepdims', 1) !== 0;
  return { ...value, data, shape: keeps ? kept : kept.filter((_, i) => !axes.includes(i)) };
}

/** `inputSince`: the operator set in which the axes became an input. */
function reduction(op: ReduceOp, inputSince = 18): Operator {
  return {
    inputs: [1, 2],
    attributes: ['axes', 'keepdims', 'noop_with_empty_axes'],
    fold: (ctx) => foldReduction(ctx, op, inputSince),
    lower: (ctx) => {
      const x = ctx.pending(0);
      const axes = reducedAxes(ctx, x.shape.length, inputSince);
      if (axes.length === 0) return x;
      if (ctx.batched && axes[0] === 0) ctx.mixesSamples(`reduces dimension 0 (axes ${axes.join(', ')})`);
      if (ctx.attrs.int('keepdims', 1) !== 0) return reduced(ctx, op, x, axes, '');
      const y = ctx.activationOf(reduced(ctx, op, x, axes, 'reduced'));
      return ctx.relabel(
        y,
        y.shape.filter((_, axis) => !axes.includes(axis)),
      );
    },
  };
}

export const REDUCE_OPERATORS: Operators = {
  ReduceMean: reduction('mean'),
  ReduceSum: reduction('sum', 13),
  ReduceMax: reduction('max'),
  ReduceMin: reduction('min'),
  ReduceL1: reduction('l1'),
  ReduceL2: reduction('l2'),
  ReduceSumSquare: reduction('sum_square'),
  ReduceLogSum: reduction('log_sum'),
  ReduceLogSumExp: reduction('log_sum_exp'),
};
