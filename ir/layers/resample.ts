import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, intAttr } from './attrs.ts';
import { type KindRecord, type OperandSpec, ShapeError, type Values } from './record.ts';
import { forEachRun, type Runs, runsAlong } from './runs.ts';
import { at, bump, expectShape, f16, nth } from './types.ts';

const ATTRS = {
  axis: { type: 'int', doc: 'dimension that is resampled, at least 1' },
  size: { type: 'int', doc: 'its size in the result' },
  taps: { type: 'int', doc: 'elements that one element of the result is a weighted sum of' },
} as const satisfies AttrSpecs;

const TAPS: readonly OperandSpec[] = [
  { name: 'index', dtypes: ['i32'], shared: true },
  { name: 'weight', dtypes: ['f32'], shared: true },
];

/** The runs on the side of `shape`, and the number of taps. */
export function resampledRuns(shape: readonly number[], attrs: Attrs): { runs: Runs; taps: number } {
  return { runs: runsAlong(shape, intAttr(ATTRS, attrs, 'axis')), taps: intAttr(ATTRS, attrs, 'taps') };
}

function withSize(shape: readonly number[], axis: number, size: number): number[] {
  return shape.map((d, i) => (i === axis ? size : d));
}

/** Checks the operands against `positions` positions with taps. */
function expectTaps(inputs: readonly TensorType[], positions: number, attrs: Attrs): void {
  const taps = intAttr(ATTRS, attrs, 'taps');
  if (taps < 1) throw new ShapeError('taps must be at least 1');
  expectShape('input index', nth(inputs, 1), [positions, taps]);
  expectShape('input weight', nth(inputs, 2), [positions, taps]);
}

/** Visits every product: element on the side with the taps, element that the tap points at, weight. Negative indices are skipped. */
function forEachTap(
  samples: number,
  many: Runs,
  pointed: Runs,
  [index, weight]: readonly [Values, Values],
  taps: number,
  visit: (element: number, source: number, weight: number) => void,
): void {
  const firsts: number[] = [];
  forEachRun(pointed, samples, (run, first) => {
    firsts[run] = first;
  });
  forEachRun(many, samples, (run, first) => {
    for (let o = 0; o < many.length; o++) {
      for (let t = o * taps; t < (o + 1) * taps; t++) {
        const i = at(index, t);
        if (i >= 0) visit(first + o * many.inner, nth(firsts, run) + i * pointed.inner, at(weight, t));
      }
    }
  });
}

export const resample: KindRecord = {
  kind: 'resample',
  doc: 'y[…, o, …] = Σ_t weight[o,t]·x[…, index[o,t], …] along one dimension, taps with a negative index skipped, in f64 and rounded once (interpolation).',
  inputs: [{ name: 'x', dtypes: ['f16'] }, ...TAPS],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passedElements: (_inputs, outputs, attrs) => intAttr(ATTRS, attrs, 'taps') * elementCount(nth(outputs, 0).shape),
  infer: (inputs, attrs) => {
    const { shape } = nth(inputs, 0);
    resampledRuns(shape, attrs);
    const size = intAttr(ATTRS, attrs, 'size');
    expectTaps(inputs, size, attrs);
    return [f16(withSize(shape, intAttr(ATTRS, attrs, 'axis'), size))];
  },
  gradient: (ctx, dy) => {
    const [x = '', ...tables] = ctx.inputs;
    if (!ctx.wants(0)) return [undefined, undefined, undefined];
    const attrs = { ...ctx.attrs, size: nth(ctx.typeOf(x).shape, intAttr(ATTRS, ctx.attrs, 'axis')) };
    return [ctx.emit('resample_grad', 'data', [dy, ...tables], attrs)[0], undefined, undefined];
  },
  reference: (inputs, types, attrs, outputs) => {
    const [x, index, weight] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2)];
    const from = resampledRuns(nth(types, 0).shape, attrs);
    const to = resampledRuns(nth(outputs, 0).shape, attrs);
    const y = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachTap(nth(nth(types, 0).shape, 0), to.runs, from.runs, [index, weight], to.taps, (e, source, w) => bump(y, e, w * at(x, source)));
    return [y];
  },
};

export const resampleGrad: KindRecord = {
  kind: 'resample_grad',
  doc: 'dx[…, index[o,t], …] = Σ weight[o,t]·dy[…, o, …]: the gradient of resample; size is that of its input.',
  inputs: [{ name: 'dy', dtypes: ['f16'] }, ...TAPS],
  outputs: [{ name: 'dx', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passedElements: (inputs, _outputs, attrs) => intAttr(ATTRS, attrs, 'taps') * elementCount(nth(inputs, 0).shape),
  infer: (inputs, attrs) => {
    const { shape } = nth(inputs, 0);
    const axis = intAttr(ATTRS, attrs, 'axis');
    resampledRuns(shape, attrs);
    expectTaps(inputs, nth(shape, axis), attrs);
    return [f16(withSize(shape, axis, intAttr(ATTRS, attrs, 'size')))];
  },
  reference: (inputs, types, attrs, outputs) => {
    const [dy, index, weight] = [nth(inputs, 0), nth(inputs, 1), nth(inputs, 2)];
    const from = resampledRuns(nth(types, 0).shape, attrs);
    const to = resampledRuns(nth(outputs, 0).shape, attrs);
    const dx = new Float64Array(elementCount(nth(outputs, 0).shape));
    forEachTap(nth(nth(types, 0).shape, 0), from.runs, to.runs, [index, weight], to.taps, (e, target, w) =>
      bump(dx, target, w * at(dy, e)),
    );
    return [dx];
  },
};
