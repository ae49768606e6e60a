import fc from 'fast-check';
import { BINARY_OPS } from '../../ir/functions/binary.ts';
import { REDUCE_OPS } from '../../ir/functions/reduction.ts';
import { UNARY_OPS } from '../../ir/functions/unary.ts';
import type { Attrs } from '../../ir/graph.ts';
import { convGeometry } from '../../ir/layers/convolution.ts';
import type { Values } from '../../ir/layers/record.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import { type Windows, windowExtent } from '../../ir/layers/window.ts';
import type { TensorType } from '../../ir/tensor.ts';

/** A layer with operands of random shapes. */
export interface LayerCase {
  readonly kind: string;
  readonly types: readonly TensorType[];
  readonly attrs: Attrs;
  /** Outputs, what backward needs included. */
  readonly outputs: number;
}

/** A layer whose operands behind the first are tables, not data. */
export interface TableCase extends LayerCase {
  readonly tables: readonly Values[];
}

const windows = fc
  .record({
    size: fc.integer({ min: 1, max: 8 }),
    taps: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    pad: fc.integer({ min: 0, max: 3 }),
    padAfter: fc.integer({ min: 0, max: 3 }),
  })
  .filter((w) => windowExtent(w) <= w.size + w.pad + w.padAfter);

/** Windows that each hold at least one element, with less padding than taps, as ONNX asks of pooling. */
const poolWindows: fc.Arbitrary<Windows> = windows.filter((w) => {
  const room = w.size + w.pad + w.padAfter - windowExtent(w);
  const last = Math.floor(room / w.stride) * w.stride - w.pad;
  const covered = w.dilation === 1 || w.pad === 0;
  return room >= 0 && covered && w.pad < w.taps && w.padAfter < w.taps && last < w.size;
});

function windowAttrs(rows: Windows, columns: Windows): Attrs {
  return { strides: [rows.stride, columns.stride], pads: [rows.pad, columns.pad, rows.padAfter, columns.padAfter] };
}

const batch = fc.integer({ min: 1, max: 3 });
const few = fc.integer({ min: 1, max: 3 });

const imageType = fc.tuple(batch, fc.integer({ min: 1, max: 6 }), few, few).map(([N, C, H, W]) => f16([N, C, H, W]));
const channels = (type: TensorType): number => type.shape[1] ?? 1;

const conv: fc.Arbitrary<LayerCase> = fc
  .record({ N: batch, groups: few, depth: few, columns: few, rows: windows, cols: windows, bias: fc.boolean() })
  .map(({ N, groups, depth, columns, rows, cols, bias }) => {
    const K = groups * columns;
    const types = [f16([N, groups * depth, rows.size, cols.size]), f16([K, depth, rows.taps, cols.taps])];
    const attrs = { ...windowAttrs(rows, cols), dilations: [rows.dilation, cols.dilation], groups };
    return { kind: 'conv', types: bias ? [...types, f32([K])] : types, attrs, outputs: 1 };
  });

const gemm: fc.Arbitrary<LayerCase> = fc
  .record({ x: imageType, flat: fc.boolean(), K: few, bias: fc.boolean() })
  .map(({ x, flat, K, bias }) => {
    const [N = 1, ...rest] = x.shape;
    const C = rest.reduce((a, b) => a * b, 1);
    const types = [flat ? f16([N, C]) : x, f16([K, C])];
    return { kind: 'gemm', types: bias ? [...types, f32([K])] : types, attrs: {}, outputs: 1 };
  });

const pool = (kind: 'max_pool' | 'avg_pool'): fc.Arbitrary<LayerCase> =>
  fc
    .record({
      N: batch,
      C: few,
      rows: poolWindows,
      cols: poolWindows,
      countIncludePad: fc.boolean(),
    })
    .map(({ N, C, rows, cols, countIncludePad }) => {
      const own: Attrs = kind === 'max_pool' ? {} : { countIncludePad };
      const attrs = { dilations: [rows.dilation, cols.dilation], kernel: [rows.taps, cols.taps], ...windowAttrs(rows, cols), ...own };
      return { kind, types: [f16([N, C, rows.size, cols.size])], attrs, outputs: kind === 'max_pool' ? 2 : 1 };
    });

export const normCase = fc
  .record({ N: batch, groups: few, depth: few, H: few, W: fc.integer({ min: 2, max: 4 }), crossSample: fc.boolean() })
  .map(({ N, groups, depth, H, W, crossSample }) => ({ type: f16([N, groups * depth, H, W]), attrs: { groups, crossSample } }));

const perChannel = (kind: string, parameters: number): fc.Arbitrary<LayerCase> =>
  imageType.map((x) => ({ kind, types: [x, ...Array.from({ length: parameters }, () => f32([channels(x)]))], attrs: {}, outputs: 1 }));

const same = (kind: string, count: fc.Arbitrary<number>, outputs = 1, attrs: Attrs = {}): fc.Arbitrary<LayerCase> =>
  fc.tuple(imageType, count).map(([x, n]) => ({ kind, types: Array.from({ length: n }, () => x), attrs, outputs }));

const lrn: fc.Arbitrary<LayerCase> = fc
  .record({
    x: imageType,
    size: fc.integer({ min: 1, max: 6 }),
    alpha: fc.double({ min: 0.01, max: 2, noNaN: true }),
    beta: fc.double({ min: 0.1, max: 2, noNaN: true }),
  })
  .map(({ x, size, alpha, beta }) => ({ kind: 'lrn', types: [x], attrs: { size, alpha, beta, bias: 1.5 }, outputs: 1 }));

const concat: fc.Arbitrary<LayerCase> = fc
  .tuple(batch, few, few, fc.array(few, { minLength: 1, maxLength: 3 }), few)
  .map(([N, H, W, sizes, blocks]) => ({
    kind: 'concat',
    types: sizes.map((C) => f16([N, C * blocks, H, W])),
    attrs: { blocks },
    outputs: 1,
  }));

const one = fc.constant(1);

const convTranspose: fc.Arbitrary<LayerCase> = conv.map(({ types: [x, w], attrs }) => {
  const [xShape, wShape] = [x?.shape ?? [], w?.shape ?? []];
  const { P, Q, K } = convGeometry(xShape, wShape, attrs);
  const types = [f16(wShape), f16([xShape[0] ?? 1, K, P, Q])];
  return { kind: 'conv_transpose', types, attrs: { ...attrs, inputShape: xShape.slice(1) }, outputs: 1 };
});

/** Functions whose derivative is tested away from their kinks, which `values` keeps away from 0; parameters as networks have them. */
const unary: fc.Arbitrary<LayerCase> = fc
  .tuple(imageType, fc.constantFrom(...UNARY_OPS.filter((op) => !['sqrt', 'log'].includes(op))))
  .map(([x, op]) => ({ kind: 'unary', types: [x], attrs: { op, alpha: op === 'clip' ? -0.35 : 0.55, beta: 0.45 }, outputs: 1 }));

const shrunk = (d: number, keep: boolean): number => (keep ? d : 1);
const keeps = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });

const binary: fc.Arbitrary<LayerCase> = fc
  .tuple(imageType, keeps, keeps, fc.boolean(), fc.constantFrom(...BINARY_OPS.filter((op) => !['pow', 'rpow', 'div', 'rdiv'].includes(op))))
  .map(([x, left, right, constant, op]) => {
    const [N = 1, ...sample] = x.shape;
    const a = f16([N, ...sample.map((d, i) => shrunk(d, left[i] ?? true))]);
    const b = sample.map((d, i) => shrunk(d, right[i] ?? true));
    return { kind: 'binary', types: [a, constant ? f32(b) : f16([N, ...b])], attrs: { op, constant }, outputs: 1 };
  });

/** Any table: offsets of the walk anywhere in the sample, or nowhere. */
const gather: fc.Arbitrary<TableCase> = fc
  .record({ N: batch, span: fc.integer({ min: 8, max: 20 }), dims: fc.array(few, { minLength: 1, maxLength: 5 }), run: few, seed: few })
  .map(({ N, span, dims, run, seed }) => {
    const room = Math.floor((span - run) / dims.length);
    const count = dims.reduce((a, b) => a + b, 0);
    const table = Float64Array.from({ length: count }, (_, i) => ((i * 7 + seed * 3) % (room + 2)) - 1);
    const shape = [dims.reduce((a, b) => a * b, run)];
    const types: TensorType[] = [f16([N, span]), { dtype: 'i32', shape: [count] }];
    return { kind: 'gather', types, attrs: { shape, dims, run, fill: 0.5 }, outputs: 1, tables: [table] };
  });

const resample: fc.Arbitrary<TableCase> = fc
  .record({ x: imageType, axis: fc.integer({ min: 1, max: 3 }), size: few, taps: few, seed: few })
  .map(({ x, axis, size, taps, seed }) => {
    const from = x.shape[axis] ?? 1;
    const index = Float64Array.from({ length: size * taps }, (_, i) => ((i * 5 + seed) % (from + 1)) - 1);
    const weight = Float64Array.from({ length: size * taps }, (_, i) => Math.fround(0.3 + 0.1 * ((i * 3 + seed) % 7)));
    const types: TensorType[] = [x, { dtype: 'i32', shape: [size, taps] }, f32([size, taps])];
    return { kind: 'resample', types, attrs: { axis, size, taps }, outputs: 1, tables: [index, weight] };
  });

/** Layers that move or weigh data by tables. */
export const TABLED: Readonly<Record<string, fc.Arbitrary<TableCase>>> = { gather, resample };

const reduce: fc.Arbitrary<LayerCase> = fc
  .tuple(
    imageType,
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom(...REDUCE_OPS.filter((op) => op !== 'log_sum')),
  )
  .map(([x, axis, count, op]) => ({ kind: 'reduce', types: [x], attrs: { op, axis, count: Math.min(count, 4 - axis) }, outputs: 1 }));

const softmaxAlong = (kind: string): fc.Arbitrary<LayerCase> =>
  fc.tuple(imageType, fc.integer({ min: 1, max: 3 })).map(([x, axis]) => ({ kind, types: [x], attrs: { axis }, outputs: 1 }));

/** Functions of positive numbers. */
export const POSITIVE: Readonly<Record<string, fc.Arbitrary<LayerCase>>> = {
  unary: fc
    .tuple(imageType, fc.constantFrom('sqrt', 'log', 'reciprocal'))
    .map(([x, op]) => ({ kind: 'unary', types: [x], attrs: { op }, outputs: 1 })),
  binary: fc
    .tuple(imageType, fc.constantFrom('pow', 'rpow', 'div', 'rdiv'))
    .map(([x, op]) => ({ kind: 'binary', types: [x, x], attrs: { op }, outputs: 1 })),
  reduce: imageType.map((x) => ({ kind: 'reduce', types: [x], attrs: { op: 'log_sum', axis: 1, count: 3 }, outputs: 1 })),
};

/** Random layers of the kinds that have a gradient rule (normalization apart, which takes two layers). */
export const DIFFERENTIABLE: Readonly<Record<string, fc.Arbitrary<LayerCase>>> = {
  conv,
  gemm,
  max_pool: pool('max_pool'),
  avg_pool: pool('avg_pool'),
  relu: same('relu', one, 2),
  add: same('add', few),
  mul: same('mul', fc.constant(2)),
  affine: perChannel('affine', 2),
  lrn,
  concat,
  conv_transpose: convTranspose,
  unary,
  binary,
  reduce,
  softmax: softmaxAlong('softmax'),
  log_softmax: softmaxAlong('log_softmax'),
  dropout: same('dropout', one, 2, { ratio: 0.4, seed: 7 }),
  reshape: imageType.map((x) => ({
    kind: 'reshape',
    types: [x],
    attrs: { shape: [x.shape.slice(1).reduce((a, b) => a * b, 1)] },
    outputs: 1,
  })),
};

/** Random layers that are not differentiated. */
export const OTHERS: Readonly<Record<string, fc.Arbitrary<LayerCase>>> = {
  batch_norm: perChannel('batch_norm', 4),
  add_relu: same('add_relu', fc.constant(2), 2),
  add_relu_grad: imageType.map((x) => ({ kind: 'add_relu_grad', types: [x, x, { ...x, dtype: 'bit' as const }], attrs: {}, outputs: 1 })),
};
