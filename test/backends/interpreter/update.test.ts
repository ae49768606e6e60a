import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VECTOR_SLOTS, type VectorSlot } from '../../../backends/wavecore/isa/slots.ts';
import type { Op } from '../../../backends/wavecore/isa/table.ts';
import type { Attrs } from '../../../ir/graph.ts';
import { CONTROL_LENGTH, type ControlWord, controlIndex } from '../../../ir/layers/control.ts';
import { recordOf } from '../../../ir/layers/index.ts';
import type { Values } from '../../../ir/layers/record.ts';
import { f16, f32 } from '../../../ir/layers/types.ts';
import type { TensorType } from '../../../ir/tensor.ts';
import { controlOf, difference, generator } from '../../ir/values.ts';
import { type Assembler, floatBits } from '../assembler.ts';
import { numbersOf, type Places, runVector } from '../vector-layer.ts';

const COUNT = 19;
const TYPE = f32([COUNT]);
const CONTROL = f32([CONTROL_LENGTH]);

/** Copies whole tensors, which the instruction then changes in place. */
function copyTo(a: Assembler, dst: number, src: number, bytes: number): void {
  a.op('v.cfg', { slot: VECTOR_SLOTS.indexOf('ROWS'), v0: 1, v1: bytes });
  a.op('v.cfg', { slot: VECTOR_SLOTS.indexOf('SRCSTRIDE'), v0: bytes, v1: bytes }).op('v.copy', { dst, src });
}

function load(a: Assembler, base: number, words: Partial<Record<VectorSlot, ControlWord>>): void {
  VECTOR_SLOTS.forEach((name, slot) => {
    const word = words[name];
    if (word === undefined) return;
    a.op('la', { rd: 1, rs: base, scale: 1, base: 4 * controlIndex(word) }).op('v.ld_cfg', { slot, src: 1 });
  });
}

const WORDS = { LR: 'learningRate', GRADSCALE: 'gradScale', HOLD: 'hold', CORRECT1: 'correct1', CORRECT2: 'correct2' } as const;
const OPERANDS = {
  sgd: { op: 'v.sgd', states: [] },
  momentum: { op: 'v.momentum', states: ['velocity'] },
  adam: { op: 'v.adam', states: ['first', 'second'] },
} as const satisfies Record<string, { op: Op; states: readonly string[] }>;

/** Executes one update and the reference; the largest difference of each result. */
function compare(kind: keyof typeof OPERANDS, attrs: Attrs, slots: Partial<Record<VectorSlot, number>>, control: Values): number[] {
  const { op, states } = OPERANDS[kind];
  const count = states.length + 1;
  const types = [...Array.from({ length: count + 1 }, () => TYPE), CONTROL];
  const random = generator(5);
  const values = types.map((type, i) =>
    i === types.length - 1
      ? control.map(Math.fround)
      : Float64Array.from({ length: type.shape[0] ?? 0 }, () => Math.fround(random() + 0.1)),
  );
  const outputs: TensorType[] = [...Array.from({ length: count }, () => TYPE), f16([COUNT])];
  const expected = recordOf(kind).reference(values, types, attrs, outputs);
  const result = runVector(types, values, outputs, { ...slots, COUNT }, (a: Assembler, at: Places) => {
    for (let i = 0; i < count; i++) copyTo(a, at.out(i), at.in(i), 4 * COUNT);
    load(a, at.in(count + 1), WORDS);
    const own = Object.fromEntries(states.map((name, i) => [name, at.out(i + 1)]));
    a.code.push({
      op,
      operands: { master: at.out(0), ...own, grad: at.in(count), weight: at.out(count), withWeight: 1 },
      wait: [],
      signal: [],
    });
  });
  return outputs.map((_, i) => difference(numbersOf(result.readTensor(`out${i}`)), expected[i] ?? new Float64Array()));
}

const SINGLE = 2 ** -21;
const HALF = 2 ** -10;
const words = { learningRate: 0.125, gradScale: 0.5, correct1: 4, correct2: 16 };

describe('updates against the reference kernels', () => {
  const shared = { weightDecay: 0.25 };
  const slots = { DECAY: floatBits(0.25) };
  const betas = { BETA1: floatBits(0.75), BETA2: floatBits(0.9375), EPS: floatBits(2 ** -20) };
  const adam = { ...shared, beta1: 0.75, beta2: 0.9375, epsilon: 2 ** -20 };
  it.each([
    ['sgd', shared, slots],
    ['momentum', { ...shared, momentum: 0.75 }, { ...slots, MOMENTUM: floatBits(0.75) }],
    ['momentum', { ...shared, momentum: 0.75, nesterov: true }, { ...slots, MOMENTUM: floatBits(0.75), NESTEROV: 1 }],
    ['adam', adam, { ...slots, ...betas }],
    ['adam', { ...adam, decoupled: true }, { ...slots, ...betas, DECOUPLED: 1 }],
  ] as const)('%s %j', (kind, attrs, own) => {
    const errors = compare(kind, attrs, own, controlOf(words));
    expect(Math.max(...errors.slice(0, -1))).toBeLessThan(SINGLE);
    expect(errors.at(-1)).toBeLessThan(HALF);
    expect(compare(kind, attrs, own, controlOf({ ...words, hold: 1 })).slice(0, -1)).toEqual(errors.slice(0, -1).map(() => 0));
  });
});

describe('the control state against the reference kernels', () => {
  it('steps', () => {
    const state = fc.record({
      overflow: fc.constantFrom(0, 1),
      lossScale: fc.constantFrom(1, 8, 2 ** 24),
      good: fc.integer({ min: 0, max: 3 }),
      dynamic: fc.boolean(),
    });
    fc.assert(
      fc.property(state, ({ dynamic, ...given }) => {
        const values = [controlOf({ ...given, step: 7, power1: 0.5, power2: 0.25 }), Float64Array.of(0.375)];
        const [expected = new Float64Array()] = recordOf('step_control').reference(
          values,
          [],
          { dynamic, interval: 3, beta1: 0.75, beta2: 0.875 },
          [],
        );
        const slots = { BETA1: floatBits(0.75), BETA2: floatBits(0.875), INTERVAL: 3, DYNAMIC: dynamic ? 1 : 0 };
        const result = runVector([CONTROL, f32([1])], values, [CONTROL], slots, (a, at) => {
          copyTo(a, at.out(0), at.in(0), 4 * CONTROL_LENGTH);
          a.op('v.step', { control: at.out(0), rate: at.in(1) });
        });
        expect([...numbersOf(result.readTensor('out0'))]).toEqual([...expected.map(Math.fround)]);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    [0, 0],
    [Number.POSITIVE_INFINITY, 1],
    [Number.NaN, 1],
  ])('a gradient with %d sets the overflow to %i', (value, overflow) => {
    const gradient = new Float64Array(COUNT);
    gradient[COUNT - 1] = value;
    const result = runVector([TYPE, CONTROL], [gradient, controlOf({})], [CONTROL], { COUNT }, (a, at) => {
      copyTo(a, at.out(0), at.in(1), 4 * CONTROL_LENGTH);
      a.op('v.check_finite', { control: at.out(0), grad: at.in(0) });
    });
    expect(numbersOf(result.readTensor('out0'))[controlIndex('overflow')]).toBe(overflow);
  });

  it('running statistics move towards those of the mini-batch', () => {
    const [C, momentum, epsilon] = [3, 0.75, 2 ** -10];
    const running = [Float64Array.of(1, 2, 3), Float64Array.of(4, 5, 6)];
    const stats = Float64Array.of(0.5, 2, -1, 0.5, 8, 1).map(Math.fround);
    const types = [f32([C]), f32([C]), f32([1, C, 2])];
    const slots = { C, MOMENTUM: floatBits(momentum), EPS: floatBits(epsilon) };
    const result = runVector(types, [...running, stats], types.slice(0, 2), slots, (a, at) => {
      for (const i of [0, 1]) copyTo(a, at.out(i), at.in(i), 4 * C);
      a.op('v.running', { mean: at.out(0), variance: at.out(1), stats: at.in(2) });
    });
    const expected = [
      [0.5, -1, 8].map((v, c) => 0.75 * (running[0]?.[c] ?? 0) + 0.25 * v),
      [2, 0.5, 1].map((r, c) => 0.75 * (running[1]?.[c] ?? 0) + 0.25 * (1 / r ** 2 - epsilon)),
    ];
    expected.forEach((v, i) => expect(difference(numbersOf(result.readTensor(`out${i}`)), Float64Array.from(v))).toBeLessThan(SINGLE));
  });

  it('slots on which an extent depends cannot be loaded from memory', () => {
    const slot = VECTOR_SLOTS.indexOf('COUNT');
    expect(() => runVector([CONTROL], [controlOf({})], [], {}, (a, at) => a.op('v.ld_cfg', { slot, src: at.in(0) }))).toThrow(
      /slot is that of LR/,
    );
  });
});
