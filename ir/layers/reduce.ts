import { REDUCE_OPS, REDUCTIONS, type ReduceOp } from '../functions/reduction.ts';
import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, choiceAttr, intAttr, intsAttr } from './attrs.ts';
import type { KindRecord } from './record.ts';
import { forEachRun, type Runs, runsAlong } from './runs.ts';
import { at, expectShape, f16, nth } from './types.ts';

const ATTRS = {
  op: { type: 'string', doc: REDUCE_OPS.map((op) => `${op}: ${REDUCTIONS[op].formula}`).join('; ') },
  axis: { type: 'int', doc: 'first dimension reduced, at least 1' },
  count: { type: 'int', default: 1, doc: 'adjacent dimensions reduced; they stay as dimensions of size 1' },
} as const satisfies AttrSpecs;

export const reduceOp = (attrs: Attrs): ReduceOp => choiceAttr(ATTRS, attrs, 'op', REDUCE_OPS);

/** The runs that a reduction of a tensor of `shape` folds. */
export function reducedRuns(shape: readonly number[], attrs: Attrs): Runs {
  return runsAlong(shape, intAttr(ATTRS, attrs, 'axis'), intAttr(ATTRS, attrs, 'count'));
}

function reducedShape(shape: readonly number[], attrs: Attrs): number[] {
  const [axis, count] = [intAttr(ATTRS, attrs, 'axis'), intAttr(ATTRS, attrs, 'count')];
  return shape.map((d, i) => (i >= axis && i < axis + count ? 1 : d));
}

export const reduce: KindRecord = {
  kind: 'reduce',
  doc: 'y = op of the elements along adjacent dimensions of a sample, in order, in f64 and rounded once.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    reduceOp(attrs);
    const { shape } = nth(inputs, 0);
    reducedRuns(shape, attrs);
    return [f16(reducedShape(shape, attrs))];
  },
  gradient: (ctx, dy) => {
    if (!ctx.wants(0)) return [undefined];
    const [x = ''] = ctx.inputs;
    const [y = ''] = ctx.outputs;
    const values = REDUCTIONS[reduceOp(ctx.attrs)].needs === 'values' ? [x, y] : [];
    return [ctx.emit('reduce_grad', 'data', [dy, ...values], { ...ctx.attrs, inputShape: ctx.typeOf(x).shape.slice(1) })[0]];
  },
  reference: (inputs, types, attrs) => {
    const x = nth(inputs, 0);
    const { shape } = nth(types, 0);
    const { start, add, finish } = REDUCTIONS[reduceOp(attrs)];
    const runs = reducedRuns(shape, attrs);
    const y = new Float64Array(elementCount(reducedShape(shape, attrs)));
    forEachRun(runs, nth(shape, 0), (run, first) => {
      let sum: number = start;
      for (let i = 0; i < runs.length; i++) sum = add(sum, at(x, first + i * runs.inner));
      y[run] = finish(sum, runs.length);
    });
    return [y];
  },
};

const GRAD_ATTRS = { ...ATTRS, inputShape: { type: 'ints', doc: 'shape of a sample of the forward input' } } as const satisfies AttrSpecs;

/** The shape of the forward input of a gradient. */
export function reducedFrom(dy: TensorType, attrs: Attrs): number[] {
  return [nth(dy.shape, 0), ...intsAttr(GRAD_ATTRS, attrs, 'inputShape')];
}

export const reduceGrad: KindRecord = {
  kind: 'reduce_grad',
  doc: 'dx = dy·∂op/∂x for every element of the run; of max and min only for the first that is the extreme.',
  inputs: [
    { name: 'dy', dtypes: ['f16'] },
    { name: 'x', dtypes: ['f16'], optional: true },
    { name: 'y', dtypes: ['f16'], optional: true },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: GRAD_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passes: 2,
  infer: (inputs, attrs) => {
    reduceOp(attrs);
    const shape = reducedFrom(nth(inputs, 0), attrs);
    reducedRuns(shape, attrs);
    expectShape('gradient dy', nth(inputs, 0), reducedShape(shape, attrs));
    if (inputs[1] !== undefined) expectShape('input x', inputs[1], shape);
    if (inputs[2] !== undefined) expectShape('input y', inputs[2], reducedShape(shape, attrs));
    return [f16(shape)];
  },
  reference: (inputs, types, attrs) => {
    const [dy, x, y] = [nth(inputs, 0), inputs[1], inputs[2]];
    const shape = reducedFrom(nth(types, 0), attrs);
    const op = REDUCTIONS[reduceOp(attrs)];
    const runs = reducedRuns(shape, attrs);
    const dx = new Float64Array(elementCount(shape));
    forEachRun(runs, nth(shape, 0), (run, first) => {
      const result = y === undefined ? 0 : at(y, run);
      for (let i = 0; i < runs.length; i++) {
        const e = first + i * runs.inner;
        const value = x === undefined ? 0 : at(x, e);
        if (op.extreme && value !== result) continue;
        dx[e] = at(dy, run) * op.derivative(value, result, runs.length);
        if (op.extreme) break;
      }
    });
    return [dx];
  },
};
