import type { Attrs } from '../graph.ts';
import { sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intAttr } from './attrs.ts';
import { type KindRecord, ShapeError, type Values } from './record.ts';
import { f16, nth } from './types.ts';

const AXIS = { axis: { type: 'int', default: 1, doc: 'always 1: all elements of a sample' } } as const satisfies AttrSpecs;

/** Logarithm of softmax over each run of `length` elements. */
export function logSoftmax(x: Values, length: number): Values {
  const y = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += length) {
    const run = x.subarray(from, from + length);
    const highest = run.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    const logSum = Math.log(run.reduce((sum, v) => sum + Math.exp(v - highest), 0));
    run.forEach((v, i) => {
      y[from + i] = v - highest - logSum;
    });
  }
  return y;
}

function inferSame(inputs: readonly TensorType[], attrs: Attrs): TensorType[] {
  const axis = intAttr(AXIS, attrs, 'axis');
  if (axis !== 1) throw new ShapeError(`axis is ${axis}, only 1 (all elements of a sample) is possible`);
  return [f16(nth(inputs, 0).shape)];
}

export const softmax: KindRecord = {
  kind: 'softmax',
  doc: 'y = exp(x)/Σ exp(x) over the elements of a sample.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: AXIS,
  unit: 'vector',
  crossesSamples: () => false,
  insideLoss: true,
  infer: inferSame,
  reference: (inputs, types) => [logSoftmax(nth(inputs, 0), sampleElements(nth(types, 0))).map(Math.exp)],
};

export const logSoftmaxRecord: KindRecord = {
  ...softmax,
  kind: 'log_softmax',
  doc: 'y = x − log Σ exp(x) over the elements of a sample.',
  reference: (inputs, types) => [logSoftmax(nth(inputs, 0), sampleElements(nth(types, 0)))],
};
