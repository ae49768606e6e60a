import type { Attrs } from '../graph.ts';
import type { TensorType } from '../tensor.ts';
import { type AttrSpecs, intAttr } from './attrs.ts';
import type { KindRecord, Values } from './record.ts';
import { forEachRun, type Runs, runsAlong } from './runs.ts';
import { at, expectSame, f16, nth } from './types.ts';

const AXIS = { axis: { type: 'int', default: 1, doc: 'the dimension that is summed over, at least 1' } } as const satisfies AttrSpecs;

/** The runs that softmax of a tensor of `shape` works on. */
export function softmaxRuns(shape: readonly number[], attrs: Attrs): Runs {
  return runsAlong(shape, intAttr(AXIS, attrs, 'axis'));
}

/** Logarithm of softmax over each run. */
export function logSoftmax(x: Values, samples: number, { length, inner, outer }: Runs): Values {
  const y = new Float64Array(x.length);
  forEachRun({ length, inner, outer }, samples, (_run, first) => {
    let highest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < length; i++) highest = Math.max(highest, at(x, first + i * inner));
    let sum = 0;
    for (let i = 0; i < length; i++) sum += Math.exp(at(x, first + i * inner) - highest);
    for (let i = 0; i < length; i++) y[first + i * inner] = at(x, first + i * inner) - highest - Math.log(sum);
  });
  return y;
}

const logarithms = (inputs: readonly Values[], types: readonly TensorType[], attrs: Attrs): Values => {
  const { shape } = nth(types, 0);
  return logSoftmax(nth(inputs, 0), nth(shape, 0), softmaxRuns(shape, attrs));
};

function inferSame(inputs: readonly TensorType[], attrs: Attrs): TensorType[] {
  softmaxRuns(nth(inputs, 0).shape, attrs);
  expectSame('gradient dy', nth(inputs, 0), inputs);
  return [f16(nth(inputs, 0).shape)];
}

const gradientBy =
  (kind: string): NonNullable<KindRecord['gradient']> =>
  (ctx, dy) => [ctx.wants(0) ? ctx.emit(kind, 'data', [nth(ctx.outputs, 0), dy], ctx.attrs)[0] : undefined];

export const softmax: KindRecord = {
  kind: 'softmax',
  doc: 'y = exp(x)/Σ exp(x), the sum along one dimension.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: AXIS,
  unit: 'vector',
  crossesSamples: () => false,
  insideLoss: true,
  passes: 4,
  infer: inferSame,
  gradient: gradientBy('softmax_grad'),
  reference: (inputs, types, attrs) => [logarithms(inputs, types, attrs).map(Math.exp)],
};

export const logSoftmaxRecord: KindRecord = {
  ...softmax,
  kind: 'log_softmax',
  doc: 'y = x − log Σ exp(x), the sum along one dimension.',
  gradient: gradientBy('log_softmax_grad'),
  reference: (inputs, types, attrs) => [logarithms(inputs, types, attrs)],
};

/** Σ f over the run, for each element. */
function sums(y: Values, { shape }: TensorType, attrs: Attrs, term: (i: number) => number): Values {
  const runs = softmaxRuns(shape, attrs);
  const result = new Float64Array(y.length);
  forEachRun(runs, nth(shape, 0), (_run, first) => {
    let sum = 0;
    for (let i = 0; i < runs.length; i++) sum += term(first + i * runs.inner);
    for (let i = 0; i < runs.length; i++) result[first + i * runs.inner] = sum;
  });
  return result;
}

export const softmaxGrad: KindRecord = {
  kind: 'softmax_grad',
  doc: 'dx = y·(dy − Σ y·dy), the sum along one dimension.',
  inputs: [
    { name: 'y', dtypes: ['f16'] },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: AXIS,
  unit: 'vector',
  crossesSamples: () => false,
  passes: 3,
  infer: inferSame,
  reference: (inputs, types, attrs) => {
    const [y, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const products = sums(y, nth(types, 0), attrs, (i) => at(y, i) * at(dy, i));
    return [y.map((v, i) => v * (at(dy, i) - at(products, i)))];
  },
};

export const logSoftmaxGrad: KindRecord = {
  ...softmaxGrad,
  kind: 'log_softmax_grad',
  doc: 'dx = dy − exp(y)·Σ dy, the sum along one dimension.',
  reference: (inputs, types, attrs) => {
    const [y, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const totals = sums(y, nth(types, 0), attrs, (i) => at(dy, i));
    return [y.map((v, i) => at(dy, i) - Math.exp(v) * at(totals, i))];
  },
};
