import fc from 'fast-check';
import type { Attrs } from '../../ir/graph.ts';
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
const poolWindows = (dilated: boolean): fc.Arbitrary<Windows> =>
  windows
    .map((w) => (dilated ? w : { ...w, dilation: 1 }))
    .filter((w) => {
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
      rows: poolWindows(kind === 'max_pool'),
      cols: poolWindows(kind === 'max_pool'),
      countIncludePad: fc.boolean(),
    })
    .map(({ N, C, rows, cols, countIncludePad }) => {
      const own: Attrs = kind === 'max_pool' ? { dilations: [rows.dilation, cols.dilation] } : { countIncludePad };
      const attrs = { kernel: [rows.taps, cols.taps], ...windowAttrs(rows, cols), ...own };
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
  .tuple(batch, few, few, fc.array(few, { minLength: 1, maxLength: 3 }))
  .map(([N, H, W, sizes]) => ({ kind: 'concat', types: sizes.map((C) => f16([N, C, H, W])), attrs: {}, outputs: 1 }));

const one = fc.constant(1);

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
  softmax: same('softmax', one),
  log_softmax: same('log_softmax', one),
};
