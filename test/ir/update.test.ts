import { describe, expect, it } from 'vitest';
import type { Attrs } from '../../ir/graph.ts';
import { type ControlWord, controlIndex, initialControl } from '../../ir/layers/control.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Values } from '../../ir/layers/record.ts';
import { f32 } from '../../ir/layers/types.ts';
import { controlOf } from './values.ts';

const one = (v: number): Values => Float64Array.of(v);
const CONTROL = controlOf({ learningRate: 0.1, gradScale: 0.5, correct1: 10, correct2: 1000 });
const DECAY = 0.01;

/** What an optimizer makes of master 2, gradient 4 and states; all outputs, the f16 weight last. */
function updated(kind: string, states: readonly number[], attrs: Attrs, control = CONTROL): number[] {
  const inputs = [one(2), ...states.map(one), one(4), control];
  const outputs = Array.from({ length: states.length + 2 }, () => f32([1]));
  const types = inputs.map((v) => f32([v.length]));
  return recordOf(kind)
    .reference(inputs, types, { weightDecay: DECAY, ...attrs }, outputs)
    .map((v) => v[0] ?? Number.NaN);
}

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((v, i) => expect(actual[i]).toBeCloseTo(v, 12));
}

describe('optimizers', () => {
  const g = 0.5 * 4 + DECAY * 2;

  it('sgd', () => {
    const after = 2 - 0.1 * g;
    expectClose(updated('sgd', [], {}), [after, after]);
  });

  it.each([false, true])('momentum, nesterov %s', (nesterov) => {
    const v = 0.8 * 3 + g;
    const after = 2 - 0.1 * (nesterov ? g + 0.8 * v : v);
    expectClose(updated('momentum', [3], { momentum: 0.8, nesterov }), [after, v, after]);
  });

  it.each([false, true])('adam, decoupled weight decay %s', (decoupled) => {
    const gradient = decoupled ? 2 : g;
    const [m, v] = [0.9 * 0.3 + 0.1 * gradient, 0.999 * 0.2 + 0.001 * gradient ** 2];
    const after = 2 - 0.1 * ((10 * m) / (Math.sqrt(1000 * v) + 1e-8)) - (decoupled ? 0.1 * DECAY * 2 : 0);
    expectClose(updated('adam', [0.3, 0.2], { decoupled }), [after, m, v, after]);
  });

  it.each([
    ['sgd', []],
    ['momentum', [3]],
    ['adam', [0.3, 0.2]],
  ])('%s leaves everything alone where the step is held', (kind, states) => {
    expectClose(updated(kind, states, {}, controlOf({ learningRate: 0.1, gradScale: 0.5, hold: 1 })), [2, ...states, 2]);
  });
});

describe('the control state', () => {
  /** The words after each of some steps, given whether each overflowed. */
  function run(overflows: readonly boolean[], attrs: Attrs, words: readonly ControlWord[]): number[][] {
    let control: Values = Float64Array.from(initialControl(64));
    return overflows.map((overflow) => {
      if (overflow) control[controlIndex('overflow')] = 1;
      [control = new Float64Array()] = recordOf('step_control').reference([control, one(0.5)], [], attrs, []);
      return words.map((word) => control[controlIndex(word)] ?? Number.NaN);
    });
  }

  it('halves the loss scale at an overflow, leaves the step out, and doubles it after an interval without', () => {
    const steps = run([false, true, false, false, false], { dynamic: true, interval: 2 }, ['hold', 'gradScale', 'lossScale', 'good']);
    expect(steps).toEqual([
      [0, 1 / 64, 64, 1],
      [1, 1 / 64, 32, 0],
      [0, 1 / 32, 32, 1],
      [0, 1 / 32, 64, 0],
      [0, 1 / 64, 64, 1],
    ]);
  });

  it('keeps a fixed loss scale, takes the learning rate, counts all steps but corrects for those done', () => {
    const steps = run([false, true, false], { beta1: 0.5, beta2: 0.75 }, ['lossScale', 'learningRate', 'step', 'power1', 'correct2']);
    expect(steps).toEqual([
      [64, 0.5, 1, 0.5, 4],
      [64, 0.5, 2, 0.5, 4],
      [64, 0.5, 3, 0.25, 1 / (1 - 0.75 ** 2)],
    ]);
  });

  it('never leaves the bounds of the loss scale', () => {
    const overflows = Array.from({ length: 10 }, () => true);
    expect(run(overflows, { dynamic: true }, ['lossScale']).at(-1)).toEqual([1]);
    const none = overflows.concat(overflows, overflows).map(() => false);
    expect(run(none, { dynamic: true, interval: 1 }, ['lossScale']).at(-1)).toEqual([2 ** 24]);
  });

  it.each([
    [[1, 2], 0],
    [[1, Number.NaN], 1],
    [[Number.NEGATIVE_INFINITY, 2], 1],
  ])('gradient %j gives overflow %i', (gradient, overflow) => {
    const [control] = recordOf('overflow_check').reference([Float64Array.from(gradient), controlOf({})], [], {}, []);
    expect(control?.[controlIndex('overflow')]).toBe(overflow);
  });
});
