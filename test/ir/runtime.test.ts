import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attrs } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { inferTypes } from '../../ir/layers/operands.ts';
import type { Values } from '../../ir/layers/record.ts';
import { f16 } from '../../ir/layers/types.ts';
import { elementCount, type TensorType } from '../../ir/tensor.ts';
import { type OnnxAttribute, type OnnxNode, type OnnxValue, onnxModel, runOnnx } from '../onnx-model.ts';
import { DIFFERENTIABLE, type LayerCase, normCase, OTHERS } from './cases.ts';
import { difference, spread } from './values.ts';

const valuesFor = (types: readonly TensorType[], seed: number): Values[] =>
  types.map((type, i) => Float64Array.from(Float32Array.from(spread(elementCount(type.shape), seed + i))));

const named = (types: readonly TensorType[]): OnnxValue[] => types.map((type, i) => ({ name: `x${i}`, shape: type.shape }));

function reference(kind: string, types: readonly TensorType[], attrs: Attrs, values: readonly Values[], wanted: number): Values[] {
  const record = recordOf(kind);
  return record.reference(values, types, attrs, inferTypes(record, types, attrs, wanted));
}

const ints = (value: Attrs[string] | undefined): readonly number[] => (typeof value === 'object' ? value : []);
const num = (value: Attrs[string] | undefined): number => (typeof value === 'number' ? value : 0);

function windowed(attrs: Attrs): Record<string, OnnxAttribute> {
  const attributes: Record<string, OnnxAttribute> = { strides: ints(attrs.strides), pads: ints(attrs.pads) };
  if (attrs.kernel !== undefined) attributes.kernel_shape = ints(attrs.kernel);
  if (attrs.dilations !== undefined) attributes.dilations = ints(attrs.dilations);
  return attributes;
}

const layer = (op: string, attributes: (attrs: Attrs) => Record<string, OnnxAttribute> = () => ({})) => {
  return (c: LayerCase): OnnxNode[] => [{ op, inputs: c.types.map((_, i) => `x${i}`), outputs: ['y'], attributes: attributes(c.attrs) }];
};

/** How the ONNX runtime computes each kind. */
const EQUIVALENTS: Readonly<Record<string, (c: LayerCase) => OnnxNode[]>> = {
  conv: layer('Conv', (a) => ({ ...windowed(a), group: num(a.groups) })),
  gemm: (c) => [
    { op: 'Flatten', inputs: ['x0'], outputs: ['flat'] },
    { op: 'Gemm', inputs: ['flat', ...c.types.slice(1).map((_, i) => `x${i + 1}`)], outputs: ['y'], attributes: { transB: 1 } },
  ],
  max_pool: layer('MaxPool', windowed),
  avg_pool: layer('AveragePool', (a) => ({ ...windowed(a), count_include_pad: a.countIncludePad === true ? 1 : 0 })),
  relu: layer('Relu'),
  add: layer('Sum'),
  mul: layer('Mul'),
  lrn: layer('LRN', (a) => ({
    size: num(a.size),
    alpha: { float: num(a.alpha) },
    beta: { float: num(a.beta) },
    bias: { float: num(a.bias) },
  })),
  batch_norm: layer('BatchNormalization'),
  softmax: layer('Softmax', (a) => ({ axis: num(a.axis) })),
  log_softmax: layer('LogSoftmax', (a) => ({ axis: num(a.axis) })),
};

const seeds = fc.integer({ min: 0, max: 1e6 });
const all = { ...DIFFERENTIABLE, ...OTHERS };

describe('reference kernels against the ONNX runtime', () => {
  for (const [kind, nodes] of Object.entries(EQUIVALENTS)) {
    const cases = all[kind];
    if (cases === undefined) throw new Error(`no cases of ${kind}`);
    it(kind, async () => {
      await fc.assert(
        fc.asyncProperty(cases, seeds, async (c, seed) => {
          // The runtime refuses even sizes.
          fc.pre(kind !== 'lrn' || num(c.attrs.size) % 2 === 1);
          // A variance is positive.
          const values = valuesFor(c.types, seed).map((v, i) => (kind === 'batch_norm' && i === 4 ? v.map((x) => x ** 2 + 0.1) : v));
          const [expected = new Float64Array()] = await runOnnx(onnxModel(named(c.types), nodes(c), ['y'], 19), named(c.types), values);
          const [y = new Float64Array()] = reference(c.kind, c.types, c.attrs, values, 1);
          expect(difference(y, expected, 0.1)).toBeLessThan(1e-5);
        }),
        { numRuns: 30 },
      );
    });
  }

  it('max_pool: the index names the position that the runtime names', async () => {
    await fc.assert(
      fc.asyncProperty(DIFFERENTIABLE.max_pool ?? fc.constant(undefined), seeds, async (c, seed) => {
        if (c === undefined) return;
        const values = valuesFor(c.types, seed);
        const node = { op: 'MaxPool', inputs: ['x0'], outputs: ['y', 'i'], attributes: windowed(c.attrs) };
        const [, expected = new Float64Array()] = await runOnnx(onnxModel(named(c.types), [node], ['y', 'i']), named(c.types), values);
        const types = inferTypes(recordOf('max_pool'), c.types, c.attrs, 2);
        const [, index = new Float64Array()] = reference('max_pool', c.types, c.attrs, values, 2);
        const [, , P = 1, Q = 1] = types[0]?.shape ?? [];
        const [, , H = 1, W = 1] = c.types[0]?.shape ?? [];
        const [[, S = 1], [sh = 1, sw = 1], [pt = 0, pl = 0]] = [ints(c.attrs.kernel), ints(c.attrs.strides), ints(c.attrs.pads)];
        const [dh = 1, dw = 1] = ints(c.attrs.dilations);
        const flat = index.map((tap, i) => {
          const h = (Math.floor(i / Q) % P) * sh - pt + Math.floor(tap / S) * dh;
          return Math.floor(i / (P * Q)) * H * W + h * W + (i % Q) * sw - pl + (tap % S) * dw;
        });
        expect(flat).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });

  it('conv_grad_data, as a transposed convolution', async () => {
    await fc.assert(
      fc.asyncProperty(DIFFERENTIABLE.conv ?? fc.constant(undefined), seeds, async (c, seed) => {
        const [x, w] = c?.types ?? [];
        if (c === undefined || x === undefined || w === undefined) return;
        const [y] = inferTypes(recordOf('conv'), [x, w], c.attrs);
        if (y === undefined) return;
        const [[sh = 1, sw = 1], [dh = 1, dw = 1], pads] = [ints(c.attrs.strides), ints(c.attrs.dilations), ints(c.attrs.pads)];
        const [top = 0, left = 0] = pads;
        // A transposed convolution cannot give the rows and columns that no window reaches.
        const full = [0, 1].map(
          (d) => ((y.shape[2 + d] ?? 1) - 1) * ([sh, sw][d] ?? 1) + ((w.shape[2 + d] ?? 1) - 1) * ([dh, dw][d] ?? 1) + 1,
        );
        const cut = [top, left, (full[0] ?? 0) - top - (x.shape[2] ?? 0), (full[1] ?? 0) - left - (x.shape[3] ?? 0)];
        fc.pre(cut.every((p) => p >= 0));
        const types = [w, y];
        const values = valuesFor(types, seed);
        const attributes = { strides: [sh, sw], dilations: [dh, dw], pads: cut, group: num(c.attrs.groups) };
        const model = onnxModel(named(types), [{ op: 'ConvTranspose', inputs: ['x1', 'x0'], outputs: ['dx'], attributes }], ['dx']);
        const [expected = new Float64Array()] = await runOnnx(model, named(types), values);
        const [dx = new Float64Array()] = reference('conv_grad_data', types, { ...c.attrs, inputShape: x.shape.slice(1) }, values, 1);
        expect(difference(dx, expected, 0.1)).toBeLessThan(1e-5);
      }),
      { numRuns: 60 },
    );
  });

  it('norm_stats and norm_apply, as instance normalization of the groups', async () => {
    await fc.assert(
      fc.asyncProperty(normCase, seeds, async ({ type, attrs: { groups, crossSample } }, seed) => {
        const [N = 1, C = 1, H = 1, W = 1] = type.shape;
        const attrs = { groups: crossSample ? C : groups, crossSample };
        const parameters: TensorType[] = [type, { dtype: 'f32', shape: [C] }, { dtype: 'f32', shape: [C] }];
        const values = valuesFor(parameters, seed);
        const [x = new Float64Array(), gamma = new Float64Array(), beta = new Float64Array()] = values;
        const [stats = new Float64Array()] = reference('norm_stats', [type], { ...attrs, epsilon: 1e-5 }, [x], 1);
        const statsType: TensorType = { dtype: 'f32', shape: [crossSample ? 1 : N, attrs.groups, 2] };
        const applyTypes = [type, statsType, ...parameters.slice(1)];
        const [y = new Float64Array()] = reference('norm_apply', applyTypes, attrs, [x, stats, gamma, beta], 1);
        // Over the mini-batch: channels become instances of one sample, with samples and pixels as its extents.
        const grouped = crossSample ? [1, C, N, H * W] : [N, groups, (C / groups) * H * W];
        const rows = crossSample ? C : groups;
        const inputs: OnnxValue[] = [
          { name: 'x', shape: grouped },
          { name: 'ones', shape: [rows] },
          { name: 'zeros', shape: [rows] },
        ];
        const model = onnxModel(
          inputs,
          [{ op: 'InstanceNormalization', inputs: ['x', 'ones', 'zeros'], outputs: ['y'], attributes: {} }],
          ['y'],
        );
        const [raw = new Float64Array()] = await runOnnx(model, inputs, [
          crossSample ? channelsFirst(x, N, C, H * W) : x,
          new Float64Array(rows).fill(1),
          new Float64Array(rows),
        ]);
        const normalized = crossSample ? channelsFirst(raw, C, N, H * W) : raw;
        const expected = normalized.map((v, i) => {
          const c = Math.floor(i / (H * W)) % C;
          return v * (gamma[c] ?? 0) + (beta[c] ?? 0);
        });
        expect(difference(y, expected, 0.1)).toBeLessThan(1e-4);
      }),
      { numRuns: 40 },
    );
  });

  it('softmax_loss', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 9 }), seeds, async (N, K, seed) => {
        const inputs = [
          { name: 'logits', shape: [N, K] },
          { name: 'labels', shape: [N], integer: true },
        ];
        const logits = spread(N * K, seed);
        const labels = Float64Array.from({ length: N }, (_, n) => (n * 5 + seed) % K);
        const node = { op: 'SoftmaxCrossEntropyLoss', inputs: ['logits', 'labels'], outputs: ['loss'], attributes: { reduction: 'none' } };
        const [expected = new Float64Array()] = await runOnnx(onnxModel(inputs, [node], ['loss']), inputs, [logits, labels]);
        const types: TensorType[] = [f16([N, K]), { dtype: 'i32', shape: [N] }];
        const [loss = new Float64Array()] = reference('softmax_loss', types, { batch: N }, [logits, labels], 2);
        expect(difference(loss, expected)).toBeLessThan(1e-5);
      }),
      { numRuns: 30 },
    );
  });
});

/** [a][b][run] → [b][a][run]. */
function channelsFirst(x: Values, a: number, b: number, run: number): Values {
  const y = new Float64Array(x.length);
  for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) y.set(x.subarray((i * b + j) * run, (i * b + j + 1) * run), (j * a + i) * run);
  return y;
}
