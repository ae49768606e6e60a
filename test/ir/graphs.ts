import fc from 'fast-check';
import { GraphBuilder } from '../../ir/build.ts';
import type { Constant, Graph } from '../../ir/graph.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import type { TensorKind, TensorType } from '../../ir/tensor.ts';
import { controlOf } from './values.ts';

/** One step of a random graph: appends layers behind `x` and returns their result. */
type Step = (builder: GraphBuilder, x: string, name: string, constant: Constant) => string;

const first = (names: readonly string[]): string => names[0] ?? '';
const channels = (type: TensorType): number => type.shape[1] ?? 1;

function parameter(builder: GraphBuilder, name: string, type: TensorType, constant: Constant, kind: TensorKind = 'weight'): string {
  const count = type.shape.reduce((a, b) => a * b, 1);
  const values =
    constant.form === 'values'
      ? Float32Array.from({ length: count }, (_, i) => constant.values[i % constant.values.length] ?? 0)
      : undefined;
  return builder.constant(builder.freeName(name), type, kind, values === undefined ? constant : { form: 'values', values });
}

const STEPS: readonly Step[] = [
  (b, x, name) => first(b.layer({ kind: 'relu', name, inputs: [x], outputs: 2, unit: 'shared "unit"', origin: 'Relu#1' })),
  (b, x, name) => first(b.layer({ kind: 'add', name, inputs: [x, x] })),
  (b, x, name) => first(b.layer({ kind: 'dropout', name, inputs: [x], attrs: { ratio: 0.1, seed: -3 }, outputs: 2 })),
  (b, x, name) => first(b.layer({ kind: 'concat', name, inputs: [x, x], attrs: { axis: 1 } })),
  (b, x, name, constant) => {
    const scale = parameter(b, `${name}.scale`, f32([channels(b.typeOf(x))]), constant);
    const shift = parameter(b, `${name}.shift`, f32([channels(b.typeOf(x))]), { form: 'splat', value: -0 });
    return first(b.layer({ kind: 'affine', name, inputs: [x, scale, shift] }));
  },
  (b, x, name, constant) => {
    if (b.typeOf(x).shape.length !== 4) return x;
    const shape = [2, channels(b.typeOf(x)), 3, 3];
    const master = parameter(b, `${name}.master`, f32(shape), constant, 'optimizerState');
    const w = b.constant(b.freeName(`${name}.w`), f16(shape), 'weight', { form: 'copyOf', tensor: master });
    return first(b.layer({ kind: 'conv', name, inputs: [x, w], attrs: { pads: [1, 1, 1, 1] } }));
  },
  (b, x, name, constant) => {
    const count = b
      .typeOf(x)
      .shape.slice(1)
      .reduce((n, d) => n * d, 1);
    const flat = first(b.layer({ kind: 'reshape', name: `${name}.flat`, inputs: [x], attrs: { shape: [count] } }));
    const w = parameter(b, `${name}.w`, f16([3, count]), constant);
    return first(b.layer({ kind: 'gemm', name, inputs: [flat, w] }));
  },
  (b, x, name, constant) => {
    const velocity = parameter(b, `${name}.v`, f32([2, 2]), { form: 'splat', value: 0 }, 'optimizerState');
    const master = parameter(b, `${name}.m`, f32([2, 2]), constant, 'optimizerState');
    const gradient = parameter(b, `${name}.g`, f32([2, 2]), { form: 'splat', value: 1e-7 }, 'weightGradient');
    const state = Float32Array.from(controlOf({ learningRate: 0.1 }));
    const control = parameter(b, `${name}.c`, f32([state.length]), { form: 'values', values: state }, 'optimizerState');
    const [m = '', v = ''] = b.layer({
      kind: 'momentum',
      name,
      inputs: [master, velocity, gradient, control],
      attrs: { weightDecay: 0.1, nesterov: true },
      phase: 'update',
    });
    b.shareStorage(m, master);
    b.shareStorage(v, velocity);
    return x;
  },
];

const constants: fc.Arbitrary<Constant> = fc.oneof(
  fc.double().map((value): Constant => ({ form: 'splat', value })),
  fc.array(fc.float(), { minLength: 1, maxLength: 5 }).map((values): Constant => ({ form: 'values', values: Float32Array.from(values) })),
);

/** Sound random graphs with awkward names. */
export const graphs: fc.Arbitrary<Graph> = fc
  .record({
    name: fc.string({ unit: 'binary' }),
    batch: fc.integer({ min: 1, max: 3 }),
    input: fc.string({ minLength: 1, unit: 'grapheme' }),
    steps: fc.array(fc.tuple(fc.nat({ max: STEPS.length - 1 }), fc.string({ unit: 'binary', maxLength: 6 }), constants), { maxLength: 8 }),
  })
  .map(({ name, batch, input, steps }) => {
    const builder = new GraphBuilder(name, batch);
    let x = builder.input(input, f16([batch, 2, 3, 4]));
    for (const [index, hint, constant] of steps) x = STEPS[index]?.(builder, x, hint, constant) ?? x;
    return builder.finish([x]);
  });
