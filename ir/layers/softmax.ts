import type { Attrs } from '../graph.ts';
import { sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr } from './attrs.ts';
import { type KindRecord, ShapeError, type Values } from './record.ts';
import { at, expectShape, f16, f32, nth, shapeText } from './types.ts';

const AXIS = { axis: { type: 'int', default: 1, doc: 'always 1: all elements of a sample' } } as const satisfies AttrSpecs;

/** Logarithm of softmax over each run of `length` elements. */
function logSoftmax(x: Values, length: number): Values {
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

const LOSS_ATTRS = {
  weight: { type: 'float', default: 1, doc: 'of this loss, where a network has several' },
  lossScale: { type: 'float', default: 1, doc: 'multiplies the gradient, so that small values survive in f16' },
  batch: { type: 'int', doc: 'samples that the mean is taken over' },
} as const satisfies AttrSpecs;

export const softmaxLoss: KindRecord = {
  kind: 'softmax_loss',
  doc: 'loss[n] = −weight·log softmax(logits[n])[label]; dlogits = weight·lossScale/batch·(softmax − one-hot), the scaled gradient of the mean.',
  inputs: [
    { name: 'logits', dtypes: ['f16'] },
    { name: 'labels', dtypes: ['i32'] },
  ],
  outputs: [
    { name: 'loss', dtypes: ['f32'], resultKind: 'output' },
    { name: 'dlogits', dtypes: ['f16'], resultKind: 'activationGradient' },
  ],
  attrs: LOSS_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const logits = nth(inputs, 0);
    const [N, K, ...pixels] = logits.shape;
    if (N === undefined || K === undefined || pixels.some((d) => d !== 1))
      throw new ShapeError(`logits have shape ${shapeText(logits.shape)}, expected [N x K]`);
    expectShape('input labels', nth(inputs, 1), [N]);
    if (intAttr(LOSS_ATTRS, attrs, 'batch') < 1) throw new ShapeError('batch must be at least 1');
    return [f32([N]), f16(logits.shape)];
  },
  reference: (inputs, types, attrs) => {
    const labels = nth(inputs, 1);
    const K = sampleElements(nth(types, 0));
    const logs = logSoftmax(nth(inputs, 0), K);
    const weight = floatAttr(LOSS_ATTRS, attrs, 'weight');
    const scale = (weight * floatAttr(LOSS_ATTRS, attrs, 'lossScale')) / intAttr(LOSS_ATTRS, attrs, 'batch');
    const loss = labels.map((label, n) => -weight * at(logs, n * K + label));
    return [loss, logs.map((v, i) => scale * (Math.exp(v) - (i % K === at(labels, Math.floor(i / K)) ? 1 : 0)))];
  },
};
