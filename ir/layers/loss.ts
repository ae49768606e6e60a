import type { Attrs } from '../graph.ts';
import { sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr } from './attrs.ts';
import { CONTROL, controlWord, expectControl } from './control.ts';
import { type KindRecord, type OperandSpec, ShapeError, type Values } from './record.ts';
import { logSoftmax } from './softmax.ts';
import { at, expectSame, expectShape, f16, f32, nth, shapeText } from './types.ts';

const LOSS_ATTRS = {
  weight: { type: 'float', default: 1, doc: 'of this loss, where a network has several' },
  lossScale: {
    type: 'float',
    default: 1,
    doc: 'multiplies the gradient, so that small values survive in f16; control.lossScale where control is given',
  },
  batch: { type: 'int', doc: 'samples that the mean is taken over' },
} as const satisfies AttrSpecs;

const outputs = (gradient: string): readonly OperandSpec[] => [
  { name: 'loss', dtypes: ['f32'], resultKind: 'output' },
  { name: gradient, dtypes: ['f16'], resultKind: 'activationGradient' },
];

/** Loss of each sample and the gradient of what is scored. */
function inferLoss(inputs: readonly TensorType[], attrs: Attrs): TensorType[] {
  const scores = nth(inputs, 0);
  expectControl(inputs, 2);
  if (intAttr(LOSS_ATTRS, attrs, 'batch') < 1) throw new ShapeError('batch must be at least 1');
  return [f32([nth(scores.shape, 0)]), f16(scores.shape)];
}

/** What the derivative of one sample's loss is multiplied by. */
function gradientScale(inputs: readonly Values[], attrs: Attrs): number {
  const control = inputs[2];
  const lossScale = control === undefined ? floatAttr(LOSS_ATTRS, attrs, 'lossScale') : controlWord(control, 'lossScale');
  return (floatAttr(LOSS_ATTRS, attrs, 'weight') * lossScale) / intAttr(LOSS_ATTRS, attrs, 'batch');
}

export const softmaxLoss: KindRecord = {
  kind: 'softmax_loss',
  doc: 'loss[n] = −weight·log softmax(logits[n])[label]; dlogits = weight·lossScale/batch·(softmax − one-hot), the scaled gradient of the mean.',
  inputs: [
    { name: 'logits', dtypes: ['f16'] },
    { name: 'labels', dtypes: ['i32'] },
    { ...CONTROL, optional: true },
  ],
  outputs: outputs('dlogits'),
  attrs: LOSS_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passes: 5,
  infer: (inputs, attrs) => {
    const logits = nth(inputs, 0);
    const [N, K, ...pixels] = logits.shape;
    if (N === undefined || K === undefined || pixels.some((d) => d !== 1))
      throw new ShapeError(`logits have shape ${shapeText(logits.shape)}, expected [N x K]`);
    expectShape('input labels', nth(inputs, 1), [N]);
    return inferLoss(inputs, attrs);
  },
  reference: (inputs, types, attrs) => {
    const labels = nth(inputs, 1);
    const K = sampleElements(nth(types, 0));
    const logs = logSoftmax(nth(inputs, 0), labels.length, { outer: 1, length: K, inner: 1 });
    const weight = floatAttr(LOSS_ATTRS, attrs, 'weight');
    const scale = gradientScale(inputs, attrs);
    const loss = labels.map((label, n) => -weight * at(logs, n * K + label));
    return [loss, logs.map((v, i) => scale * (Math.exp(v) - (i % K === at(labels, Math.floor(i / K)) ? 1 : 0)))];
  },
};

export const mseLoss: KindRecord = {
  kind: 'mse_loss',
  doc: 'loss[n] = weight·mean (y[n] − target[n])² over the K elements of a sample; dy = 2·weight·lossScale/(batch·K)·(y − target).',
  inputs: [
    { name: 'y', dtypes: ['f16'] },
    { name: 'target', dtypes: ['f16'] },
    { ...CONTROL, optional: true },
  ],
  outputs: outputs('dy'),
  attrs: LOSS_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passes: 3,
  infer: (inputs, attrs) => {
    expectSame('input target', nth(inputs, 0), [nth(inputs, 1)]);
    return inferLoss(inputs, attrs);
  },
  reference: (inputs, types, attrs) => {
    const [y, target] = [nth(inputs, 0), nth(inputs, 1)];
    const K = sampleElements(nth(types, 0));
    const weight = floatAttr(LOSS_ATTRS, attrs, 'weight');
    const scale = (2 * gradientScale(inputs, attrs)) / K;
    const loss = new Float64Array(nth(nth(types, 0).shape, 0));
    y.forEach((v, i) => {
      const n = Math.floor(i / K);
      loss[n] = at(loss, n) + (weight * (v - at(target, i)) ** 2) / K;
    });
    return [loss, y.map((v, i) => scale * (v - at(target, i)))];
  },
};
