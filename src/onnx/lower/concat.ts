import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators, Rule } from '../operator.ts';
import { MOST_FOLDED, type Value, valueAt } from '../value.ts';
import { axisOf } from './axes.ts';
import { pendingTranspose, transposed } from './transpose.ts';

const ACTIVATIONS: Rule = { says: 'all parts are activations, or all are constants' };

function foldConcat(ctx: NodeContext): Value {
  const values = Array.from({ length: ctx.operandCount }, (_, i) => ctx.value(i));
  const [first] = values;
  if (first === undefined) return ctx.badShape('it has no inputs');
  const axis = axisOf(ctx, ctx.attrs.int('axis', 1), first.shape.length);
  const others = (shape: readonly number[]): string => shape.filter((_, d) => d !== axis).join();
  if (values.some((v) => v.shape.length !== first.shape.length || others(v.shape) !== others(first.shape)))
    ctx.badShape('inputs differ beside the axis');
  const shape = first.shape.map((d, i) => (i === axis ? values.reduce((s, v) => s + (v.shape[axis] ?? 0), 0) : d));
  const outer = elementCount(shape.slice(0, axis));
  if (elementCount(shape) > MOST_FOLDED) ctx.badShape(`a constant of ${elementCount(shape)} elements is too large to compute`);
  const data = new Float64Array(elementCount(shape));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const value of values) {
      const run = elementCount(value.shape.slice(axis));
      for (let i = 0; i < run; i++) data[at++] = valueAt(value, o * run + i);
    }
  }
  return { elements: first.elements, shape, data };
}

/** Parts that lie the same way are joined as they lie. */
function joined(ctx: NodeContext, parts: readonly ActivationOperand[], axis: number, part: string): ActivationOperand {
  const [first] = parts;
  if (first === undefined) return ctx.badShape('it has no inputs');
  const perm = pendingTranspose(first)?.perm;
  const turned = parts.map((p) => pendingTranspose(p)).filter((p) => p !== undefined && p.perm.join() === perm?.join());
  if (perm && turned.length === parts.length) {
    const sources = turned.flatMap((p) => (p ? [p.source] : []));
    return transposed(joined(ctx, sources, perm[axis] ?? 0, `${part}source`), perm);
  }
  const dimension = ctx.dimension(axis);
  const settled = parts.map((p) => ctx.activationOf(p));
  const beside = (shape: readonly number[]): string => shape.filter((_, d) => d !== axis).join();
  if (settled.some((p) => p.shape.length !== first.shape.length || beside(p.shape) !== beside(first.shape)))
    ctx.badShape('inputs differ beside the axis');
  const names = settled.map((p) => p.name);
  if (dimension === 1) return ctx.emit('concat', names, { axis: 1 }, part);
  // Everything in front of the axis are blocks, each of which is joined apart.
  const blocks = elementCount(ctx.sample(first).slice(0, dimension - 1));
  const views = settled.map((p, i) => {
    const sample = ctx.sample(p);
    return ctx.relabel(p, ctx.whole([blocks * (sample[dimension - 1] ?? 1), ...sample.slice(dimension)]), `${part}blocks${i}`).name;
  });
  const y = ctx.emit('concat', views, { axis: 1, blocks }, `${part}joined`);
  const size = settled.reduce((sum, p) => sum + (p.shape[axis] ?? 0), 0);
  return ctx.relabel(
    y,
    first.shape.map((d, i) => (i === axis ? size : d)),
    part,
  );
}

export const CONCAT_OPERATORS: Operators = {
  Concat: {
    inputs: [1, Number.POSITIVE_INFINITY],
    attributes: ['axis'],
    rules: [ACTIVATIONS],
    fold: foldConcat,
    lower: (ctx) => {
      const parts = Array.from({ length: ctx.operandCount }, (_, i) => (ctx.isConstant(i) ? ctx.refuse(ACTIVATIONS) : ctx.pending(i)));
      const axis = axisOf(ctx, ctx.attrs.int('axis', 1), parts[0]?.shape.length ?? 0);
      return parts.length === 1 ? parts[0] : joined(ctx, parts, axis, '');
    },
  },
};
