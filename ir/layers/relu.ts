import type { TensorType } from '../tensor.ts';
import type { KindRecord } from './record.ts';
import { at, expectSame, f16, nth } from './types.ts';

const bits = (shape: readonly number[]): TensorType => ({ dtype: 'bit', shape });

export const relu: KindRecord = {
  kind: 'relu',
  doc: 'y = x > 0 (or NaN) ? x : 0; mask = x > 0.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [
    { name: 'y', dtypes: ['f16'] },
    { name: 'mask', dtypes: ['bit'], optional: true, savedForBackward: true, resultKind: 'maskIndex' },
  ],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  ofSum: 'add_relu',
  behind: { norm_apply: 'norm_relu' },
  infer: (inputs, _attrs, wanted) => {
    const { shape } = nth(inputs, 0);
    return wanted > 1 ? [f16(shape), bits(shape)] : [f16(shape)];
  },
  gradient: (ctx, dy) => {
    const [, mask = ''] = ctx.outputs;
    return ctx.wants(0) ? [nth(ctx.emit('relu_grad', 'data', [dy, mask], {}), 0)] : [undefined];
  },
  inPlace: [0],
  stripes: 'flat',
  reference: (inputs, _types, _attrs, outputs) => {
    const x = nth(inputs, 0);
    const y = x.map((v) => (v > 0 || Number.isNaN(v) ? v : 0));
    return outputs.length > 1 ? [y, x.map((v) => (v > 0 ? 1 : 0))] : [y];
  },
};

export const reluGrad: KindRecord = {
  kind: 'relu_grad',
  doc: 'dx = mask ? dy : 0.',
  inputs: [
    { name: 'dy', dtypes: ['f16'] },
    { name: 'mask', dtypes: ['bit'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  ofSum: 'add_relu_grad',
  masking: { norm_grad_reduce: 'norm_relu_grad_reduce', norm_grad_apply: 'norm_relu_grad_apply' },
  infer: (inputs) => {
    const dy = nth(inputs, 0);
    expectSame('input mask', dy, [nth(inputs, 1)]);
    return [f16(dy.shape)];
  },
  inPlace: [0],
  stripes: 'flat',
  reference: (inputs) => {
    const mask = nth(inputs, 1);
    return [nth(inputs, 0).map((v, i) => (at(mask, i) === 0 ? 0 : v))];
  },
};
