import { type AttrSpecs, floatAttr } from './attrs.ts';
import type { KindRecord } from './record.ts';
import { at, expectShape, f16, f32, nth, planes } from './types.ts';

export const affine: KindRecord = {
  kind: 'affine',
  doc: 'y = x·scale[c] + shift[c].',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'scale', dtypes: ['f32'], shared: true },
    { name: 'shift', dtypes: ['f32'], shared: true },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs) => {
    const { C } = planes('input x', nth(inputs, 0));
    expectShape('input scale', nth(inputs, 1), [C]);
    expectShape('input shift', nth(inputs, 2), [C]);
    return [f16(nth(inputs, 0).shape)];
  },
  // With mean 0 and deviation 1 the normalized input is the input: the sums of normalization's gradient are those of scale and shift.
  gradient: (ctx, dy) => {
    const [x = '', scale = ''] = ctx.inputs;
    const { shape } = ctx.typeOf(scale);
    const gradients: (string | undefined)[] = [undefined, undefined, undefined];
    if (ctx.wants(1) || ctx.wants(2)) {
      const unit = ctx.constant('unit', f32([1, 1, 2]), 'statistics', { form: 'values', values: Float32Array.of(0, 1) });
      const [, dscale, dshift] = ctx.emit('norm_grad_reduce', 'parameters', [x, dy, unit, scale], { groups: 1, crossSample: true });
      gradients[1] = dscale;
      gradients[2] = dshift;
    }
    if (ctx.wants(0)) {
      const zero = ctx.constant('zero', f32(shape), 'weight', { form: 'splat', value: 0 });
      gradients[0] = ctx.emit('affine', 'data', [dy, scale, zero], {})[0];
    }
    return gradients;
  },
  inPlace: [0],
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types) => {
    const { C, plane } = planes('input x', nth(types, 0));
    const [scale, shift] = [nth(inputs, 1), nth(inputs, 2)];
    return [
      nth(inputs, 0).map((x, i) => {
        const c = Math.floor(i / plane) % C;
        return x * at(scale, c) + at(shift, c);
      }),
    ];
  },
};

const BATCH_NORM_ATTRS = {
  epsilon: { type: 'float', default: 1e-5, doc: 'added to the variance' },
  momentum: { type: 'float', default: 0.9, doc: 'of the running statistics' },
} as const satisfies AttrSpecs;

export const batchNorm: KindRecord = {
  kind: 'batch_norm',
  doc: 'y = (x − mean[c])/sqrt(variance[c] + epsilon)·gamma[c] + beta[c]; the form that import gives, replaced by normalization of the graph.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'gamma', dtypes: ['f32'], shared: true },
    { name: 'beta', dtypes: ['f32'], shared: true },
    { name: 'mean', dtypes: ['f32'], shared: true },
    { name: 'variance', dtypes: ['f32'], shared: true },
  ],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: BATCH_NORM_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs) => {
    const { C } = planes('input x', nth(inputs, 0));
    ['gamma', 'beta', 'mean', 'variance'].forEach((name, i) => {
      expectShape(`input ${name}`, nth(inputs, i + 1), [C]);
    });
    return [f16(nth(inputs, 0).shape)];
  },
  inPlace: [0],
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const { C, plane } = planes('input x', nth(types, 0));
    const [gamma, beta, mean, variance] = [nth(inputs, 1), nth(inputs, 2), nth(inputs, 3), nth(inputs, 4)];
    const epsilon = floatAttr(BATCH_NORM_ATTRS, attrs, 'epsilon');
    return [
      nth(inputs, 0).map((x, i) => {
        const c = Math.floor(i / plane) % C;
        return ((x - at(mean, c)) / Math.sqrt(at(variance, c) + epsilon)) * at(gamma, c) + at(beta, c);
      }),
    ];
  },
};
