import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr } from './attrs.ts';
import { INPUT_SHAPE, inputShapeOf } from './convolution.ts';
import { forEachTap, gradientImage, POOL_ATTRS, POOL_DILATIONS, type Pooling, poolingOf, windowElements } from './pooling.ts';
import type { KindRecord, Values } from './record.ts';
import { at, bump, expectShape, f16, image, nth } from './types.ts';
import { rowsTouching, rowsUnder } from './window.ts';

const ATTRS = {
  ...POOL_ATTRS,
  ...POOL_DILATIONS,
  countIncludePad: { type: 'bool', default: false, doc: 'divides by R·S everywhere, not by the positions inside the image' },
} as const satisfies AttrSpecs;

const forwardPooling = (x: TensorType, attrs: Attrs): Pooling => poolingOf(image('input x', x), attrs);

/** What each window is divided by. */
function divisors(pooling: Pooling, attrs: Attrs): Values {
  const { N, C, P, Q, rows, columns } = pooling;
  const counts = new Float64Array(N * C * P * Q);
  if (boolAttr(ATTRS, attrs, 'countIncludePad')) return counts.fill(rows.taps * columns.taps);
  forEachTap(pooling, (yi) => bump(counts, yi, 1));
  return counts;
}

export const avgPool: KindRecord = {
  kind: 'avg_pool',
  doc: 'y = Σ of the window / number of its positions inside the image (countIncludePad: / R·S).',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N, C, P, Q } = forwardPooling(nth(inputs, 0), attrs);
    return [f16([N, C, P, Q])];
  },
  gradient: (ctx, dy) => {
    if (!ctx.wants(0)) return [undefined];
    return [ctx.emit('avg_pool_grad', 'data', [dy], { ...ctx.attrs, inputShape: ctx.typeOf(nth(ctx.inputs, 0)).shape.slice(1) })[0]];
  },
  passedElements: (_inputs, outputs, attrs) => windowElements(nth(outputs, 0), attrs),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => rowsUnder(out, forwardPooling(nth(inputs, 0), attrs).rows),
  reference: (inputs, types, attrs, outputs) => {
    const pooling = forwardPooling(nth(types, 0), attrs);
    const x = nth(inputs, 0);
    const sums = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachTap(pooling, (yi, xi) => bump(sums, yi, at(x, xi)));
    const counts = divisors(pooling, attrs);
    return [sums.map((sum, i) => sum / at(counts, i))];
  },
};

const gradientPooling = (dy: TensorType, attrs: Attrs): Pooling => poolingOf(gradientImage(dy, inputShapeOf(attrs)), attrs);

export const avgPoolGrad: KindRecord = {
  kind: 'avg_pool_grad',
  doc: 'dx = Σ of dy/divisor over the windows that hold the element.',
  inputs: [{ name: 'dy', dtypes: ['f16'] }],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: { ...ATTRS, ...INPUT_SHAPE },
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    const { N, C, P, Q, rows, columns } = gradientPooling(nth(inputs, 0), attrs);
    expectShape('gradient dy', nth(inputs, 0), [N, C, P, Q]);
    return [f16([N, C, rows.size, columns.size])];
  },
  passedElements: (inputs, _outputs, attrs) => windowElements(nth(inputs, 0), attrs),
  stripes: 'rows',
  inputRows: (_index, out, inputs, attrs) => {
    const { rows, P } = gradientPooling(nth(inputs, 0), attrs);
    return rowsTouching(out, rows, P);
  },
  reference: (inputs, types, attrs, outputs) => {
    const pooling = gradientPooling(nth(types, 0), attrs);
    const dy = nth(inputs, 0);
    const dx = new Float64Array(elementCount(nth(outputs, 0).shape));
    const counts = divisors(pooling, attrs);
    forEachTap(pooling, (yi, xi) => bump(dx, xi, at(dy, yi) / at(counts, yi)));
    return [dx];
  },
};
