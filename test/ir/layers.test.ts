import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Attrs } from '../../ir/graph.ts';
import { convGeometry } from '../../ir/layers/convolution.ts';
import { findRecord, KINDS, recordOf } from '../../ir/layers/index.ts';
import { inferTypes, requiredOperands, trainingOutputs } from '../../ir/layers/operands.ts';
import { keeps } from '../../ir/layers/random.ts';
import { ShapeError } from '../../ir/layers/record.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import { formatType, type TensorType } from '../../ir/tensor.ts';
import { DIFFERENTIABLE, OTHERS } from './cases.ts';
import { differentiateCase } from './differentiate.ts';
import { spread } from './values.ts';

const infer = (kind: string, types: readonly TensorType[], attrs: Attrs = {}, wanted?: number): string[] =>
  inferTypes(recordOf(kind), types, attrs, wanted).map(formatType);

const i32 = (shape: readonly number[]): TensorType => ({ dtype: 'i32', shape });

describe('records', () => {
  it('are complete and consistent', () => {
    for (const record of KINDS) {
      expect(findRecord(record.kind)).toBe(record);
      expect(record.doc.endsWith('.'), record.kind).toBe(true);
      expect(record.unit === 'matrix', record.kind).toBe(record.matrix !== undefined && record.gemm !== undefined);
      expect(record.stripes === 'rows', record.kind).toBe(record.inputRows !== undefined);
      for (const specs of [record.inputs, record.outputs]) {
        expect(
          specs.slice(0, requiredOperands(specs)).some((spec) => spec.optional),
          `${record.kind}: only trailing operands are optional`,
        ).toBe(false);
        expect(
          specs.slice(0, -1).some((spec) => spec.variadic),
          `${record.kind}: only the last operand repeats`,
        ).toBe(false);
        for (const { sharedIf } of specs) if (sharedIf !== undefined) expect(record.attrs[sharedIf]?.type).toBe('bool');
      }
    }
    expect(new Set(KINDS.map((record) => record.kind)).size).toBe(KINDS.length);
  });

  it('refuse unknown kinds', () => {
    expect(() => recordOf('blur')).toThrow(/INTERNAL/);
  });

  it('ask for masks and indices in training', () => {
    expect(['relu', 'max_pool', 'dropout', 'conv'].map((kind) => trainingOutputs(recordOf(kind)))).toEqual([2, 2, 2, 1]);
  });

  it('give as many values as the types say', () => {
    for (const cases of Object.values({ ...DIFFERENTIABLE, ...OTHERS })) {
      fc.assert(
        fc.property(cases, (c) => {
          const record = recordOf(c.kind);
          const types = inferTypes(record, c.types, c.attrs, c.outputs);
          const values = c.types.map((type) =>
            spread(
              type.shape.reduce((a, b) => a * b, 1),
              1,
            ),
          );
          const lengths = record.reference(values, c.types, c.attrs, types).map((v) => v.length);
          expect(lengths).toEqual(types.map((type) => type.shape.reduce((a, b) => a * b, 1)));
        }),
        { numRuns: 20 },
      );
    }
  });
});

describe('shape rules', () => {
  it.each<[string, readonly TensorType[], Attrs, number, string[]]>([
    ['conv', [f16([32, 3, 224, 224]), f16([64, 3, 7, 7])], { strides: [2, 2], pads: [3, 3, 3, 3] }, 1, ['f16[32x64x112x112]']],
    ['conv', [f16([2, 8, 9, 5]), f16([16, 2, 3, 1]), f32([16])], { dilations: [2, 1], groups: 4 }, 1, ['f16[2x16x5x5]']],
    ['gemm', [f16([4, 8, 2, 2]), f16([10, 32]), f32([10])], {}, 1, ['f16[4x10]']],
    ['max_pool', [f16([2, 3, 7, 7])], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }, 2, ['f16[2x3x4x4]', 'u8[2x3x4x4]']],
    ['avg_pool', [f16([2, 3, 7, 7])], { kernel: [7, 7] }, 1, ['f16[2x3x1x1]']],
    ['norm_stats', [f16([4, 8, 2, 2])], { groups: 2 }, 1, ['f32[4x2x2]']],
    ['norm_stats', [f16([4, 8, 2, 2])], { groups: 8, crossSample: true }, 1, ['f32[1x8x2]']],
    ['conv_stats', [f16([4, 3, 5, 5]), f16([8, 3, 3, 3])], { setGroups: 2 }, 2, ['f16[4x8x3x3]', 'f32[4x2x2]']],
    ['gemm_stats', [f16([4, 8]), f16([10, 8])], { setGroups: 5 }, 2, ['f16[4x10]', 'f32[4x5x2]']],
    ['concat', [f16([1, 2, 3, 3]), f16([1, 5, 3, 3])], {}, 1, ['f16[1x7x3x3]']],
    ['split', [f16([1, 7, 3, 3])], { sizes: [2, 5] }, 2, ['f16[1x2x3x3]', 'f16[1x5x3x3]']],
    ['reshape', [f16([4, 8, 2, 2])], { shape: [16, 2] }, 1, ['f16[4x16x2]']],
    ['softmax_loss', [f16([4, 10, 1, 1]), i32([4])], { batch: 4 }, 2, ['f32[4]', 'f16[4x10x1x1]']],
    ['momentum', [f32([3, 2]), f32([3, 2]), f32([3, 2]), f32([16])], { weightDecay: 0 }, 3, ['f32[3x2]', 'f32[3x2]', 'f16[3x2]']],
    [
      'conv_grad_data',
      [f16([4, 3, 3, 3]), f16([2, 4, 4, 4])],
      { strides: [2, 2], pads: [1, 1, 1, 1], inputShape: [3, 8, 8] },
      1,
      ['f16[2x3x8x8]'],
    ],
    [
      'conv_grad_weight',
      [f16([2, 3, 8, 8]), f16([2, 4, 4, 4])],
      { strides: [2, 2], pads: [1, 1, 1, 1], kernel: [3, 3] },
      2,
      ['f32[4x3x3x3]', 'f32[4]'],
    ],
  ])('%s', (kind, types, attrs, wanted, expected) => {
    expect(infer(kind, types, attrs, wanted)).toEqual(expected);
  });

  it.each<[string, readonly TensorType[], Attrs, RegExp]>([
    ['conv', [f16([1, 3, 4]), f16([1, 3, 1, 1])], {}, /expected 4 dimensions/],
    ['conv', [f16([1, 3, 4, 4]), f16([1, 3, 5, 1])], {}, /rows: window of 5 is larger than the padded input of 4/],
    ['conv', [f16([1, 3, 4, 4]), f16([4, 3, 1, 1]), f32([3])], {}, /bias b has shape \[3\], expected \[4\]/],
    ['conv', [f16([1, 3, 4, 4]), f16([4, 3, 1, 1])], { strides: [0, 1] }, /at least 1/],
    ['conv', [f16([1, 3, 4, 4]), f16([4, 3, 1, 1])], { pads: [0, -1, 0, 0] }, /negative padding/],
    ['gemm', [f16([4, 8]), f16([10, 9])], {}, /8 elements, the weight takes 9/],
    ['add', [f16([4, 8]), f16([4, 9])], {}, /has shape \[4x9\], expected \[4x8\]/],
    ['add', [f16([4, 8]), f16([5, 8])], {}, /has 5 samples, other inputs have 4/],
    ['max_pool', [f16([1, 1, 4, 4])], { kernel: [2, 2], pads: [2, 0, 0, 0] }, /wholly in the padding/],
    ['concat', [f16([1, 2, 3, 3]), f16([1, 2, 3, 4])], {}, /expected \[1x2x3x3\]/],
    ['concat', [f16([1, 2, 3, 3])], { axis: 2 }, /only channels/],
    ['split', [f16([1, 7, 3, 3])], { sizes: [2] }, /do not cut the 7 channels/],
    ['norm_stats', [f16([1, 6, 2, 2])], { groups: 4 }, /groups 4 must divide the 6 channels/],
    ['conv_stats', [f16([1, 3, 5, 5]), f16([8, 3, 3, 3])], { setGroups: 3 }, /groups 3 must divide the 8 channels/],
    ['dropout', [f16([1, 6])], { ratio: 1 }, /expected 0 ≤ ratio < 1/],
    ['reshape', [f16([1, 6])], { shape: [5] }, /has 5 elements, the input has 6/],
    ['softmax_loss', [f16([4, 10, 2, 1]), i32([4])], { batch: 4 }, /expected \[N x K\]/],
  ])('%s refuses %j %j', (kind, types, attrs, message) => {
    expect(() => infer(kind, types, attrs)).toThrow(ShapeError);
    expect(() => infer(kind, types, attrs)).toThrow(message);
  });

  it('refuses a window of more positions than an index can number', () => {
    expect(() => infer('max_pool', [f16([1, 1, 17, 17])], { kernel: [17, 17] }, 2)).toThrow(/at most 256/);
    expect(infer('max_pool', [f16([1, 1, 17, 17])], { kernel: [17, 17] }, 1)).toEqual(['f16[1x1x1x1]']);
  });
});

describe('matrix products', () => {
  const cases = DIFFERENTIABLE.conv ?? fc.constant({ kind: '', types: [], attrs: {}, outputs: 1 });

  it('of a convolution follow its extents in all three passes', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const { graph } = differentiateCase(c);
        const [x, w] = c.types;
        if (x === undefined || w === undefined) return;
        const g = convGeometry(x.shape, w.shape, c.attrs);
        const expected = {
          forward: { m: g.P * g.Q, n: g.K / g.groups, k: (g.C / g.groups) * g.R * g.S, groups: g.groups },
          dataGradient: { m: g.H * g.W, n: g.C / g.groups, k: (g.K / g.groups) * g.R * g.S, groups: g.groups },
          weightGradient: { m: (g.C / g.groups) * g.R * g.S, n: g.K / g.groups, k: g.P * g.Q, groups: g.groups },
        };
        const forms = graph.layers.map((layer) => {
          const record = recordOf(layer.kind);
          const types = layer.inputs.map((name) => graph.tensors.get(name)?.type ?? f16([]));
          const { form, geometry } = record.matrix?.(types, layer.attrs) ?? { form: undefined, geometry: undefined };
          expect(geometry).toEqual(g);
          expect(form && record.gemm?.(types, layer.attrs)).toEqual(form && expected[form]);
          return form;
        });
        expect(forms).toEqual(['forward', 'weightGradient', 'dataGradient']);
      }),
    );
  });
});

describe('partial sums of the vector unit', () => {
  const bytes = (kind: string, types: readonly TensorType[], attrs: Attrs, outputs: number) =>
    recordOf(kind).stateBytes?.(types, attrs, outputs);

  it('take a pair of f64 a channel, or one for a bias', () => {
    const x = f16([4, 8, 2, 2]);
    expect(bytes('norm_stats', [x], { groups: 2 }, 1)).toEqual({ perSample: 128, shared: 0 });
    expect(bytes('norm_stats', [x], { groups: 8, crossSample: true }, 1)).toEqual({ perSample: 0, shared: 128 });
    expect(bytes('conv_stats', [x, f16([6, 8, 1, 1])], { setGroups: 2 }, 2)).toEqual({ perSample: 96, shared: 0 });
    expect(bytes('conv_grad_weight', [x, f16([4, 6, 2, 2])], { kernel: [1, 1] }, 2)).toEqual({ perSample: 0, shared: 48 });
    expect(bytes('gemm_grad_weight', [x, f16([4, 6])], {}, 1)).toEqual({ perSample: 0, shared: 0 });
  });
});

describe('dropout draws', () => {
  it('keep 1 − ratio of the elements, differently for each seed, sample and element', () => {
    const share = (ratio: number, draw: (i: number) => boolean): number => {
      let kept = 0;
      for (let i = 0; i < 20000; i++) if (draw(i)) kept++;
      return kept / 20000 - (1 - ratio);
    };
    expect(share(0.3, (i) => keeps(1, 0, i, 0.3))).toBeCloseTo(0, 1);
    expect(share(0.7, (i) => keeps(1, i, 5, 0.7))).toBeCloseTo(0, 1);
    expect(share(0.5, (i) => keeps(i, 3, 5, 0.5))).toBeCloseTo(0, 1);
    // Neighbouring samples agree on an element as often as chance has it.
    expect(share(0.5, (i) => keeps(1, 0, i, 0.5) === keeps(1, 1, i, 0.5))).toBeCloseTo(0, 1);
    expect(share(0, (i) => keeps(9, 0, i, 0))).toBe(0);
  });
});
