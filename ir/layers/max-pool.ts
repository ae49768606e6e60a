import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import type { AttrSpecs } from './attrs.ts';
import { INPUT_SHAPE, inputShapeOf } from './convolution.ts';
import { forEachTap, gradientImage, POOL_ATTRS, POOL_DILATIONS, type Pooling, poolingOf, windowElements } from './pooling.ts';
import { type KindRecord, ShapeError } from './record.ts';
import { at, bump, expectShape, f16, image, nth } from './types.ts';
import { rowsTouching, rowsUnder } from './window.ts';

const ATTRS = {
  ...POOL_ATTRS,
  ...POOL_DILATIONS,
} as const satisfies AttrSpecs;

const forwardPooling = (x: TensorType, attrs: Attrs): Pooling => poolingOf(image('input x', x), attrs);

export const maxPool: KindRecord = {
  kind: 'max_pool',
  doc: 'y = maximum of the window, positions outside skipped; index = r·S + s of the first maximum.',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [
    { name: 'y', dtypes: ['f16'] },
    { name: 'index', dtypes: ['u8'], optional: true, savedForBackward: true, resultKind: 'maskIndex' },
  ],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs, wanted) => {
    const { N, C, P, Q, rows, columns } = forwardPooling(nth(inputs, 0), attrs);
    const shape = [N, C, P, Q];
    if (wanted < 2) return [f16(shape)];
    if (rows.taps * columns.taps > 256)
      throw new ShapeError(`window of ${rows.taps}x${columns.taps}: an index of 8 bits numbers at most 256 positions`);
    return [f16(shape), { dtype: 'u8', shape }];
  },
  gradient: (ctx, dy) => {
    const [x = ''] = ctx.inputs;
    const [, index = ''] = ctx.outputs;
    if (!ctx.wants(0)) return [undefined];
    return [ctx.emit('max_pool_grad', 'data', [dy, index], { ...ctx.attrs, inputShape: ctx.typeOf(x).shape.slice(1) })[0]];
  },
  passedElements: (_inputs, outputs, attrs) => windowElements(nth(outputs, 0), attrs),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => rowsUnder(out, forwardPooling(nth(inputs, 0), attrs).rows),
  reference: (inputs, types, attrs, outputs) => {
    const x = nth(inputs, 0);
    const y = new Float64Array(elementCount(nth(outputs, 0).shape)).fill(Number.NEGATIVE_INFINITY);
    const index = new Float64Array(y.length);
    const seen = new Uint8Array(y.length);
    forEachTap(forwardPooling(nth(types, 0), attrs), (yi, xi, tap) => {
      if (seen[yi] === 1 && !(at(x, xi) > at(y, yi))) return;
      seen[yi] = 1;
      y[yi] = at(x, xi);
      index[yi] = tap;
    });
    return outputs.length > 1 ? [y, index] : [y];
  },
};

const gradientPooling = (dy: TensorType, attrs: Attrs): Pooling => poolingOf(gradientImage(dy, inputShapeOf(attrs)), attrs);

export const maxPoolGrad: KindRecord = {
  kind: 'max_pool_grad',
  doc: 'dx = Σ of dy over the windows whose index points at the element.',
  inputs: [
    { name: 'dy', dtypes: ['f16'] },
    { name: 'index', dtypes: ['u8'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: { ...ATTRS, ...INPUT_SHAPE },
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N, C, P, Q, rows, columns } = gradientPooling(nth(inputs, 0), attrs);
    expectShape('gradient dy', nth(inputs, 0), [N, C, P, Q]);
    expectShape('input index', nth(inputs, 1), [N, C, P, Q]);
    return [f16([N, C, rows.size, columns.size])];
  },
  passedElements: (inputs, outputs) => elementCount(nth(inputs, 0).shape) + elementCount(nth(outputs, 0).shape),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => {
    const { rows, P } = gradientPooling(nth(inputs, 0), attrs);
    return rowsTouching(out, rows, P);
  },
  reference: (inputs, types, attrs, outputs) => {
    const [dy, index] = [nth(inputs, 0), nth(inputs, 1)];
    const dx = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachTap(gradientPooling(nth(types, 0), attrs), (yi, xi, tap) => {
      if (at(index, yi) === tap) bump(dx, xi, at(dy, yi));
    });
    return [dx];
  },
};
