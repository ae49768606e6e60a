import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VectorSlot } from '../../../backends/wavecore/isa/slots.ts';
import type { Attrs } from '../../../ir/graph.ts';
import { recordOf } from '../../../ir/layers/index.ts';
import type { Values } from '../../../ir/layers/record.ts';
import { f16, f32 } from '../../../ir/layers/types.ts';
import { elementCount, sampleElements, type TensorType } from '../../../ir/tensor.ts';
import { DIFFERENTIABLE, type LayerCase, normCase, OTHERS } from '../../ir/cases.ts';
import { difference, generator } from '../../ir/values.ts';
import { type Assembler, floatBits } from '../assembler.ts';
import { numbersOf, type Places, rounded, runVector } from '../vector-layer.ts';

type Slots = Partial<Record<VectorSlot, number>>;
type Emit = (a: Assembler, at: Places) => void;

const number = (attrs: Attrs, name: string): number => Number(attrs[name] ?? 0);
const list = (attrs: Attrs, name: string, fallback: readonly number[]): readonly number[] => {
  const value = attrs[name];
  return Array.isArray(value) ? value.map(Number) : fallback;
};

function imageSlots(type: TensorType): Slots {
  const [N = 1, C = 1, H = 1, W = 1] = type.shape;
  return { N, C, H, W };
}

const flatSlots = (type: TensorType): Slots => ({ N: type.shape[0] ?? 1, COUNT: sampleElements(type) });

const softmaxSlots =
  (attrs: Attrs) =>
  ([x]: readonly TensorType[]): Slots => {
    const shape = x?.shape ?? [];
    const axis = number(attrs, 'axis');
    return {
      N: shape[0] ?? 1,
      OUTER: elementCount(shape.slice(1, axis)),
      LENGTH: shape[axis] ?? 1,
      INNER: elementCount(shape.slice(axis + 1)),
    };
  };

function poolSlots(x: TensorType, y: TensorType, attrs: Attrs): Slots {
  const [R = 1, S = 1] = list(attrs, 'kernel', []);
  const [SH = 1, SW = 1] = list(attrs, 'strides', [1, 1]);
  const [DH = 1, DW = 1] = list(attrs, 'dilations', [1, 1]);
  const [PT = 0, PL = 0] = list(attrs, 'pads', [0, 0]);
  const [, , P = 1, Q = 1] = y.shape;
  const H = x.shape[2] ?? 1;
  const DIVISOR = attrs.countIncludePad === true ? R * S : 0;
  return { ...imageSlots(x), P, Q, R, S, SH, SW, DH, DW, PT, PL, DIVISOR, FULLH: H, ROW0: 0 };
}

function normSlots(x: TensorType, attrs: Attrs): Slots {
  const { N = 1, C = 1, H = 1, W = 1 } = imageSlots(x);
  const GROUPS = number(attrs, 'groups');
  const cross = attrs.crossSample === true;
  return { N, C, H, W, GROUPS, CROSS: cross ? 1 : 0, M: (C / GROUPS) * H * W * (cross ? N : 1), EPS: floatBits(1e-5) };
}

const lrnSlots = (x: TensorType, attrs: Attrs): Slots => ({
  ...imageSlots(x),
  SIZE: number(attrs, 'size'),
  ALPHA: floatBits(number(attrs, 'alpha')),
  BETA: floatBits(number(attrs, 'beta')),
  BIAS: floatBits(number(attrs, 'bias')),
});

const clear = (a: Assembler, at: Places, bytes: number): void => void a.op('v.fill', { dst: at.state, bytes });

/** Executes a layer and compares every result with the reference, relative to its largest value. */
function check(
  layer: LayerCase,
  slots: (types: readonly TensorType[], outputs: readonly TensorType[]) => Slots,
  emit: Emit,
  tolerance: number,
  given: readonly (Values | undefined)[] = [],
): void {
  const record = recordOf(layer.kind);
  const outputs = record.infer(layer.types, layer.attrs, layer.outputs);
  const values = layer.types.map((type, i) => {
    const random = generator(17 + i);
    return rounded(
      type,
      given[i] ??
        Float64Array.from({ length: elementCount(type.shape) }, () => (type.dtype === 'bit' ? Math.round(random()) : 4 * random() - 2)),
    );
  });
  const expected = record.reference(values, layer.types, layer.attrs, outputs);
  const result = runVector(layer.types, values, outputs, slots(layer.types, outputs), emit);
  outputs.forEach((_, i) => {
    const error = difference(numbersOf(result.readTensor(`out${i}`)), expected[i] ?? new Float64Array());
    expect(error, `result ${i}`).toBeLessThanOrEqual(tolerance);
  });
}

const cases = (kind: string): fc.Arbitrary<LayerCase> =>
  DIFFERENTIABLE[kind] ?? OTHERS[kind] ?? fc.constant({ kind, types: [], attrs: {}, outputs: 1 });
const forEach = (arbitrary: fc.Arbitrary<LayerCase>, body: (layer: LayerCase) => void): void =>
  fc.assert(fc.property(arbitrary, body), { numRuns: 40 });
const first = (types: readonly TensorType[]): TensorType => types[0] ?? f16([1]);
const HALF = 2 ** -10;

describe('vector unit against the reference kernels', () => {
  it('relu with its mask, and its gradient', () => {
    forEach(cases('relu'), (layer) => {
      check(
        layer,
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.relu', { dst: at.out(0), mask: at.out(1), src: at.in(0), withMask: 1 }),
        0,
      );
      const gradient = {
        kind: 'relu_grad',
        types: [first(layer.types), { ...first(layer.types), dtype: 'bit' as const }],
        attrs: {},
        outputs: 1,
      };
      check(
        gradient,
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.relu_grad', { dst: at.out(0), dy: at.in(0), mask: at.in(1) }),
        0,
      );
    });
  });

  it('sums that are rectified with their mask, and masked sums', () => {
    forEach(cases('mul'), (layer) => {
      const rectified = { ...layer, kind: 'add_relu', outputs: 2 };
      check(
        rectified,
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.add_relu', { dst: at.out(0), mask: at.out(1), a: at.in(0), b: at.in(1), withMask: 1 }),
        HALF,
      );
      check(
        { ...layer, kind: 'add_relu_grad', types: [...layer.types, { ...first(layer.types), dtype: 'bit' as const }] },
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.add_relu_grad', { dst: at.out(0), a: at.in(0), b: at.in(1), mask: at.in(2) }),
        HALF,
      );
    });
  });

  it('sums and products', () => {
    forEach(cases('mul'), (layer) => {
      const operands = (at: Places) => ({ dst: at.out(0), a: at.in(0), b: at.in(1) });
      check(
        layer,
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.mul', operands(at)),
        HALF,
      );
      check(
        { ...layer, kind: 'add' },
        (t) => flatSlots(first(t)),
        (a, at) => a.op('v.add', operands(at)),
        HALF,
      );
    });
  });

  it('affine maps by channel', () => {
    forEach(cases('affine'), (layer) =>
      check(
        layer,
        (t) => imageSlots(first(t)),
        (a, at) => a.op('v.affine', { dst: at.out(0), src: at.in(0), scale: at.in(1), shift: at.in(2) }),
        HALF,
      ),
    );
  });

  it('pooling and its gradients', () => {
    forEach(cases('max_pool'), (layer) => {
      check(
        layer,
        ([x], [y]) => poolSlots(x ?? f16([]), y ?? f16([]), layer.attrs),
        (a, at) => a.op('v.max_pool', { dst: at.out(0), index: at.out(1), src: at.in(0), withIndex: 1 }),
        0,
      );
      const [y = f16([]), index = f16([])] = recordOf('max_pool').infer(layer.types, layer.attrs, 2);
      const x = first(layer.types);
      const positions = recordOf('max_pool').reference(
        [Float64Array.from({ length: elementCount(x.shape) }, (_, i) => (i * 7) % 5)],
        layer.types,
        layer.attrs,
        [y, index],
      )[1];
      const gradient = { kind: 'max_pool_grad', types: [y, index], attrs: { ...layer.attrs, inputShape: x.shape.slice(1) }, outputs: 1 };
      check(
        gradient,
        () => poolSlots(x, y, layer.attrs),
        (a, at) => a.op('v.max_pool_grad', { dst: at.out(0), dy: at.in(0), index: at.in(1) }),
        HALF,
        [undefined, positions],
      );
    });
    forEach(cases('avg_pool'), (layer) => {
      check(
        layer,
        ([x], [y]) => poolSlots(x ?? f16([]), y ?? f16([]), layer.attrs),
        (a, at) => a.op('v.avg_pool', { dst: at.out(0), src: at.in(0) }),
        HALF,
      );
      const [y = f16([])] = recordOf('avg_pool').infer(layer.types, layer.attrs, 1);
      const x = first(layer.types);
      const gradient = { kind: 'avg_pool_grad', types: [y], attrs: { ...layer.attrs, inputShape: x.shape.slice(1) }, outputs: 1 };
      check(
        gradient,
        () => poolSlots(x, y, layer.attrs),
        (a, at) => a.op('v.avg_pool_grad', { dst: at.out(0), dy: at.in(0) }),
        HALF,
      );
    });
  });

  it('normalization: statistics, application and gradients, over samples and over the mini-batch', () => {
    fc.assert(
      fc.property(normCase, ({ type: x, attrs }) => {
        const { N = 1, C = 1 } = imageSlots(x);
        const stateBytes = 16 * C * (attrs.crossSample ? 1 : N);
        const slots = () => normSlots(x, attrs);
        const stats = f32([attrs.crossSample ? 1 : N, attrs.groups, 2]);
        const channels = f32([C]);
        check(
          { kind: 'norm_stats', types: [x], attrs: { ...attrs, epsilon: 1e-5 }, outputs: 1 },
          slots,
          (a, at) => {
            clear(a, at, stateBytes);
            a.op('v.stats', { state: at.state, src: at.in(0) }).op('v.stats_end', { stats: at.out(0), state: at.state });
          },
          1e-4,
        );
        check(
          { kind: 'norm_apply', types: [x, stats, channels, channels], attrs, outputs: 1 },
          slots,
          (a, at) => a.op('v.norm', { dst: at.out(0), src: at.in(0), stats: at.in(1), gamma: at.in(2), beta: at.in(3) }),
          HALF,
        );
        const mask = { ...x, dtype: 'bit' as const };
        check(
          { kind: 'norm_relu', types: [x, stats, channels, channels], attrs, outputs: 2 },
          slots,
          (a, at) => {
            const operands = { src: at.in(0), stats: at.in(1), gamma: at.in(2), beta: at.in(3) };
            a.op('v.norm_relu', { dst: at.out(0), mask: at.out(1), ...operands, withMask: 1 });
          },
          HALF,
        );
        check(
          { kind: 'norm_relu_grad_reduce', types: [x, x, stats, channels, mask], attrs, outputs: 3 },
          slots,
          (a, at) => {
            clear(a, at, stateBytes);
            a.op('v.norm_relu_grad_sums', { state: at.state, x: at.in(0), dy: at.in(1), mask: at.in(4) });
            const results = { sums: at.out(0), dgamma: at.out(1), dbeta: at.out(2) };
            a.op('v.norm_grad_end', { ...results, state: at.state, stats: at.in(2), gamma: at.in(3), add: 0 });
          },
          1e-5,
        );
        check(
          { kind: 'norm_relu_grad_apply', types: [x, x, stats, channels, stats, mask], attrs, outputs: 1 },
          slots,
          (a, at) => {
            const operands = { x: at.in(0), dy: at.in(1), stats: at.in(2), gamma: at.in(3), sums: at.in(4), mask: at.in(5) };
            a.op('v.norm_relu_grad', { dst: at.out(0), ...operands });
          },
          HALF,
        );
        check(
          { kind: 'norm_grad_reduce', types: [x, x, stats, channels], attrs, outputs: 3 },
          slots,
          (a, at) => {
            clear(a, at, stateBytes);
            a.op('v.norm_grad_sums', { state: at.state, x: at.in(0), dy: at.in(1) });
            const results = { sums: at.out(0), dgamma: at.out(1), dbeta: at.out(2) };
            a.op('v.norm_grad_end', { ...results, state: at.state, stats: at.in(2), gamma: at.in(3), add: 0 });
          },
          1e-5,
        );
        check(
          { kind: 'norm_grad_apply', types: [x, x, stats, channels, stats], attrs, outputs: 1 },
          slots,
          (a, at) => a.op('v.norm_grad', { dst: at.out(0), x: at.in(0), dy: at.in(1), stats: at.in(2), gamma: at.in(3), sums: at.in(4) }),
          HALF,
        );
      }),
      { numRuns: 40 },
    );
  });

  it('local response normalization and its gradient', () => {
    forEach(cases('lrn'), (layer) => {
      const attrs = { ...layer.attrs, alpha: Math.fround(number(layer.attrs, 'alpha')), beta: Math.fround(number(layer.attrs, 'beta')) };
      check(
        { ...layer, attrs },
        (t) => lrnSlots(first(t), attrs),
        (a, at) => a.op('v.lrn', { dst: at.out(0), src: at.in(0) }),
        HALF,
      );
      const x = first(layer.types);
      check(
        { kind: 'lrn_grad', types: [x, x], attrs, outputs: 1 },
        () => lrnSlots(x, attrs),
        (a, at) => a.op('v.lrn_grad', { dst: at.out(0), x: at.in(0), dy: at.in(1) }),
        HALF,
      );
    });
  });

  it('dropout with its mask, and its gradient', () => {
    const dropout = { RATIO: floatBits(0.4), SCALE: floatBits(1 / 0.6), SEED: 7 };
    forEach(cases('dropout'), (layer) => {
      check(
        layer,
        (t) => ({ ...flatSlots(first(t)), ...dropout }),
        (a, at) => a.op('v.dropout', { dst: at.out(0), mask: at.out(1), src: at.in(0), sample0: 0, withMask: 1 }),
        HALF,
      );
      const gradient = {
        kind: 'dropout_grad',
        types: [first(layer.types), { ...first(layer.types), dtype: 'bit' as const }],
        attrs: { ratio: 0.4 },
        outputs: 1,
      };
      check(
        gradient,
        (t) => ({ ...flatSlots(first(t)), ...dropout }),
        (a, at) => a.op('v.dropout_grad', { dst: at.out(0), dy: at.in(0), mask: at.in(1) }),
        HALF,
      );
    });
  });

  it('softmax, its logarithm, and the losses with their gradients', () => {
    forEach(cases('softmax'), (layer) => {
      const operands = (at: Places) => ({ dst: at.out(0), src: at.in(0) });
      check(layer, softmaxSlots(layer.attrs), (a, at) => a.op('v.softmax', operands(at)), HALF);
      check({ ...layer, kind: 'log_softmax' }, softmaxSlots(layer.attrs), (a, at) => a.op('v.log_softmax', operands(at)), HALF);
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 9 }), (N, K) => {
        const labels = Float64Array.from({ length: N }, (_, i) => (i * 5) % K);
        const layer = {
          kind: 'softmax_loss',
          types: [f16([N, K]), { dtype: 'i32' as const, shape: [N] }],
          attrs: { weight: 0.5, lossScale: 64, batch: N },
          outputs: 2,
        };
        const mse = { kind: 'mse_loss', types: [f16([N, K]), f16([N, K])], attrs: layer.attrs, outputs: 2 };
        const slots = { N, COUNT: K, WEIGHT: floatBits(0.5), SCALE: floatBits(0.5 / N), LOSSSCALE: floatBits(64) };
        check(
          layer,
          () => slots,
          (a, at) => a.op('v.softmax_loss', { loss: at.out(0), dlogits: at.out(1), logits: at.in(0), labels: at.in(1) }),
          HALF,
          [undefined, labels],
        );
        check(
          mse,
          () => slots,
          (a, at) => a.op('v.mse_loss', { loss: at.out(0), dy: at.out(1), y: at.in(0), target: at.in(1) }),
          HALF,
        );
      }),
      { numRuns: 20 },
    );
  });

  it('copies rows and sums biases', () => {
    const x = f16([2, 3, 2, 2]);
    const values = Float64Array.from({ length: 24 }, (_, i) => i - 7);
    const result = runVector(
      [x],
      [values],
      [f32([3]), f16([2, 6])],
      { ...imageSlots(x), ROWS: 2, ROWBYTES: 12, SRCSTRIDE: 24, DSTSTRIDE: 12 },
      (a, at) => {
        clear(a, at, 24);
        a.op('v.bias_sums', { state: at.state, dy: at.in(0) }).op('v.bias_end', { db: at.out(0), state: at.state, add: 0 });
        a.set(1, 1).op('v.bias_end', { db: at.out(0), state: at.state, add: 1 });
        a.op('v.copy', { dst: at.out(1), src: at.in(0) });
      },
    );
    const sums = [0, 1, 2].map((c) => values.reduce((sum, v, i) => sum + (Math.floor(i / 4) % 3 === c ? v : 0), 0));
    expect([...numbersOf(result.readTensor('out0'))]).toEqual(sums.map((v) => 2 * v));
    expect([...numbersOf(result.readTensor('out1'))]).toEqual([...values.subarray(0, 6), ...values.subarray(12, 18)]);
  });
});
