import type { TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr, floatAttr } from './attrs.ts';
import type { KindRecord, OperandSpec } from './record.ts';
import { at, expectSame, f16, f32, nth } from './types.ts';

const SGD_ATTRS = {
  lr: { type: 'float', doc: 'learning rate' },
  weightDecay: { type: 'float', default: 0, doc: 'share of the parameter added to its gradient' },
  gradScale: { type: 'float', default: 1, doc: 'multiplies the gradient: 1/loss scale' },
} as const satisfies AttrSpecs;

const parameter = (name: string): OperandSpec => ({ name, dtypes: ['f32'], shared: true });
const updated = (name: string): OperandSpec => ({ name, dtypes: ['f32'], shared: true, resultKind: 'optimizerState' });
const WEIGHT: OperandSpec = { name: 'weight', dtypes: ['f16'], shared: true, optional: true, resultKind: 'weight' };

/** `f32s` results of the parameter's shape, and the f16 weight where it is wanted. */
function inferUpdate(inputs: readonly TensorType[], f32s: number, wanted: number): TensorType[] {
  const { shape } = nth(inputs, 0);
  expectSame('gradient and state', nth(inputs, 0), inputs);
  return Array.from({ length: wanted }, (_, i) => (i < f32s ? f32(shape) : f16(shape)));
}

export const sgd: KindRecord = {
  kind: 'sgd',
  doc: 'g = gradScale·grad + weightDecay·master; master′ = master − lr·g; weight = f16(master′).',
  inputs: [parameter('master'), parameter('grad')],
  outputs: [updated('master'), WEIGHT],
  attrs: SGD_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, _attrs, wanted) => inferUpdate(inputs, 1, wanted),
  inPlace: 0,
  stripes: 'flat',
  reference: (inputs, _types, attrs, outputs) => {
    const grad = nth(inputs, 1);
    const [lr, decay, scale] = [
      floatAttr(SGD_ATTRS, attrs, 'lr'),
      floatAttr(SGD_ATTRS, attrs, 'weightDecay'),
      floatAttr(SGD_ATTRS, attrs, 'gradScale'),
    ];
    const master = nth(inputs, 0).map((m, i) => m - lr * (scale * at(grad, i) + decay * m));
    return outputs.length > 1 ? [master, master.slice()] : [master];
  },
};

const MOMENTUM_ATTRS = {
  ...SGD_ATTRS,
  momentum: { type: 'float', default: 0.9, doc: 'share of the velocity that stays' },
  nesterov: { type: 'bool', default: false, doc: 'steps along g + momentum·velocity′' },
} as const satisfies AttrSpecs;

export const momentum: KindRecord = {
  kind: 'momentum',
  doc: 'g as in sgd; velocity′ = momentum·velocity + g; master′ = master − lr·velocity′ (nesterov: lr·(g + momentum·velocity′)); weight = f16(master′).',
  inputs: [parameter('master'), parameter('velocity'), parameter('grad')],
  outputs: [updated('master'), updated('velocity'), WEIGHT],
  attrs: MOMENTUM_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, _attrs, wanted) => inferUpdate(inputs, 2, wanted),
  inPlace: 0,
  stripes: 'flat',
  reference: (inputs, _types, attrs, outputs) => {
    const [before, velocity, grad] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2)];
    const float = (name: string): number => floatAttr(MOMENTUM_ATTRS, attrs, name);
    const gradient = before.map((m, i) => float('gradScale') * at(grad, i) + float('weightDecay') * m);
    const after = gradient.map((g, i) => float('momentum') * at(velocity, i) + g);
    const nesterov = boolAttr(MOMENTUM_ATTRS, attrs, 'nesterov');
    const step = nesterov ? gradient.map((g, i) => g + float('momentum') * at(after, i)) : after;
    const master = before.map((m, i) => m - float('lr') * at(step, i));
    return outputs.length > 2 ? [master, after, master.slice()] : [master, after];
  },
};
