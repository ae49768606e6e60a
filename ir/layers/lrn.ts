import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr } from './attrs.ts';
import { type KindRecord, ShapeError, type Values } from './record.ts';
import { at, expectSame, f16, image, nth, planes } from './types.ts';

const ATTRS = {
  size: { type: 'int', doc: 'channels summed' },
  alpha: { type: 'float', default: 1e-4, doc: 'scale of the sum of squares' },
  beta: { type: 'float', default: 0.75, doc: 'exponent' },
  bias: { type: 'float', default: 1, doc: 'added to the sum' },
} as const satisfies AttrSpecs;

function inferLike(inputs: readonly TensorType[], attrs: Attrs): TensorType[] {
  image('input x', nth(inputs, 0));
  expectSame('gradient dy', nth(inputs, 0), inputs);
  if (intAttr(ATTRS, attrs, 'size') < 1) throw new ShapeError('size must be at least 1');
  return [f16(nth(inputs, 0).shape)];
}

/** Channels reached below and above by the window of `size`. */
const reach = (size: number): [below: number, above: number] => [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];

/** Sums `term` over the channels [c − below, c + above] of the element's position. */
function channelSum(x: TensorType, below: number, above: number, term: (i: number) => number): Values {
  const { N, C, plane } = planes('input x', x);
  const sums = new Float64Array(N * C * plane);
  for (let i = 0; i < sums.length; i++) {
    const c = Math.floor(i / plane) % C;
    let sum = 0;
    for (let j = Math.max(0, c - below); j <= Math.min(C - 1, c + above); j++) sum += term(i + (j - c) * plane);
    sums[i] = sum;
  }
  return sums;
}

/** bias + alpha/size·Σx² of each element. */
function denominators(x: Values, type: TensorType, attrs: Attrs): Values {
  const size = intAttr(ATTRS, attrs, 'size');
  const [below, above] = reach(size);
  const scale = floatAttr(ATTRS, attrs, 'alpha') / size;
  return channelSum(type, below, above, (i) => at(x, i) ** 2).map((sum) => floatAttr(ATTRS, attrs, 'bias') + scale * sum);
}

export const lrn: KindRecord = {
  kind: 'lrn',
  doc: 'y = x/(bias + alpha/size·Σx²)^beta, the sum over the channels [c − floor((size−1)/2), c + ceil((size−1)/2)].',
  inputs: [{ name: 'x', dtypes: ['f16'] }],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: inferLike,
  gradient: (ctx, dy) => (ctx.wants(0) ? [ctx.emit('lrn_grad', 'data', [nth(ctx.inputs, 0), dy], ctx.attrs)[0]] : [undefined]),
  passedElements: ([x], _outputs, attrs) => (intAttr(ATTRS, attrs, 'size') + 4) * elementCount(x?.shape ?? []),
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const x = nth(inputs, 0);
    const beta = floatAttr(ATTRS, attrs, 'beta');
    return [denominators(x, nth(types, 0), attrs).map((d, i) => at(x, i) * d ** -beta)];
  },
};

export const lrnGrad: KindRecord = {
  kind: 'lrn_grad',
  doc: 'dx = dy·D^−beta − 2·alpha·beta/size·x·Σ dy·x·D^(−beta−1), D lrn’s denominator, the sum over the channels whose window holds c.',
  inputs: [
    { name: 'x', dtypes: ['f16'] },
    { name: 'dy', dtypes: ['f16'] },
  ],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: inferLike,
  passedElements: ([x], _outputs, attrs) => (2 * intAttr(ATTRS, attrs, 'size') + 6) * elementCount(x?.shape ?? []),
  stripes: 'rows',
  inputRows: (_index, out) => out,
  reference: (inputs, types, attrs) => {
    const [x, dy] = [nth(inputs, 0), nth(inputs, 1)];
    const d = denominators(x, nth(types, 0), attrs);
    const size = intAttr(ATTRS, attrs, 'size');
    const beta = floatAttr(ATTRS, attrs, 'beta');
    const [below, above] = reach(size);
    const factor = (2 * floatAttr(ATTRS, attrs, 'alpha') * beta) / size;
    // Channel j sees channel c when c lies in j's window, so the reach is mirrored.
    const coupled = channelSum(nth(types, 0), above, below, (i) => at(dy, i) * at(x, i) * at(d, i) ** (-beta - 1));
    return [dy.map((g, i) => g * at(d, i) ** -beta - factor * at(x, i) * at(coupled, i))];
  },
};
