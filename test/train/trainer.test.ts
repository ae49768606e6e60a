import { describe, expect, it } from 'vitest';
import { drawDigits } from '../../examples/training/digits.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/train/checkpoint.ts';
import { SampleOrder } from '../../src/train/order.ts';
import { parseRateShape, rateAt } from '../../src/train/rate.ts';
import { lenet, NetworkBuilder } from '../chain/network.ts';
import { randomData, trainerOf } from './trainer.ts';

const SHAPE = [3, 8, 8];

function small(grow: (b: NetworkBuilder) => Uint8Array = (b) => b.model(b.full(b.flatten(b.relu(b.conv(b.input, 4, { kernel: 3 }))), 10))) {
  return grow(new NetworkBuilder([8, ...SHAPE]));
}

const codes = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error instanceof WavecError ? error.diagnostics.map((d) => d.code) : error;
  }
};

describe('training', () => {
  it('lowers the loss of drawn digits, and classifies what it has not seen', () => {
    const digits = drawDigits(512, 1);
    const scaling = { mean: 0.5, deviation: 0.25 };
    const trainer = trainerOf(lenet(32), digits, { batch: 32, optimizer: 'adam', learningRate: 0.003 }, { length: { epochs: 6 }, scaling });
    const losses = Array.from({ length: trainer.steps }, () => trainer.next().loss);
    expect(losses[0]).toBeGreaterThan(2);
    expect(losses.slice(-8).reduce((a, b) => a + b, 0) / 8).toBeLessThan(1);
    // One in ten by chance.
    expect(trainer.accuracy(drawDigits(100, 2))).toBeGreaterThan(0.5);
  }, 60_000);

  it('goes on from a state as if it had not been stopped', () => {
    const data = randomData(20, SHAPE);
    const whole = trainerOf(small(), data, { optimizer: 'adam' });
    for (let i = 0; i < 7; i++) whole.next();
    const first = trainerOf(small(), data, { optimizer: 'adam' });
    for (let i = 0; i < 3; i++) first.next();
    const file = encodeCheckpoint(first.state(), first.draws);
    // Another schedule computes the same step but for the order of sums over samples.
    const second = trainerOf(small(), data, { optimizer: 'adam' });
    second.restore(decodeCheckpoint(file, second.draws, {}));
    for (let i = 0; i < 4; i++) second.next();
    expect(second.save()).toEqual(whole.save());
    expect(encodeCheckpoint(second.state(), second.draws)).toEqual(encodeCheckpoint(whole.state(), whole.draws));
  });

  it('refuses damaged checkpoints, and those of other trainings', () => {
    const data = randomData(20, SHAPE);
    const trainer = trainerOf(small(), data);
    const file = encodeCheckpoint(trainer.state(), trainer.draws);
    for (const at of [0, 5, 20, file.length - 1]) {
      const damaged = file.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      expect(codes(() => decodeCheckpoint(damaged, trainer.draws, {}))).toEqual(['BAD_CHECKPOINT']);
    }
    expect(codes(() => decodeCheckpoint(file.subarray(0, 9), trainer.draws, {}))).toEqual(['BAD_CHECKPOINT']);
    expect(codes(() => decodeCheckpoint(file, { ...trainer.draws, seed: 5 }, {}))).toEqual(['BAD_CHECKPOINT']);
    const other = trainerOf(small(), data, { optimizer: 'adam' });
    expect(codes(() => other.restore(decodeCheckpoint(file, other.draws, {})))).toEqual(['BAD_CHECKPOINT']);
  });

  it('skips steps whose gradients overflow, and brings a dynamic loss scale down', () => {
    const trainer = trainerOf(small(), randomData(8, SHAPE), { dynamicLossScale: true, lossScale: 2 ** 24, learningRate: 0.01 });
    const before = trainer.save();
    const first = trainer.next();
    expect(first).toMatchObject({ skipped: true, lossScale: 2 ** 24 });
    expect(trainer.save()).toEqual(before);
    const steps = Array.from({ length: 15 }, () => trainer.next());
    const done = steps.findIndex((s) => !s.skipped);
    expect(done).toBeGreaterThan(0);
    steps.slice(0, done).forEach((s, i) => expect(s.lossScale).toBe(2 ** (23 - i)));
    expect(steps.slice(done).some((s) => s.skipped)).toBe(false);
    expect(trainer.save()).not.toEqual(before);
  });

  it('takes the learning rate of the schedule without another program', () => {
    const trainer = trainerOf(
      small(),
      randomData(8, SHAPE),
      { learningRate: 0.5 },
      { rate: { kind: 'step', every: 2, factor: 0.5 }, warmup: 1 },
    );
    expect(Array.from({ length: 4 }, () => trainer.next().learningRate)).toEqual([0.5, 0.5, 0.25, 0.25]);
  });

  it('brings a mean squared error down', () => {
    const data = { ...randomData(8, SHAPE), targets: Float32Array.from({ length: 80 }, (_, i) => Math.sin(i)), targetShape: [10] };
    const trainer = trainerOf(small(), data, { loss: 'mse', optimizer: 'momentum', learningRate: 0.02 }, { length: { steps: 40 } });
    const losses = Array.from({ length: 40 }, () => trainer.next());
    expect(losses[0]?.accuracy).toBeUndefined();
    expect(losses.at(-1)?.loss).toBeLessThan((losses[0]?.loss ?? 0) / 4);
  });

  it.each([
    ['samples of another shape', { shape: [3, 8, 9] }],
    ['a class that the model does not have', { targets: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 10) }],
    ['several targets a sample', { targetShape: [2], targets: new Int32Array(16) }],
    ['no samples', { count: 0 }],
  ])('refuses %s', (_name, change) => {
    expect(codes(() => trainerOf(small(), { ...randomData(8, SHAPE), ...change }))).toEqual(['BAD_DATA']);
  });
});

describe('the order of samples', () => {
  it('takes each sample once an epoch, another order each time, the same for the same seed', () => {
    const order = new SampleOrder(20, 5, 3);
    const epoch = (n: number): number[] => [0, 1, 2, 3].flatMap((i) => [...order.draw(4 * n + i).indices]);
    expect(epoch(1).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(epoch(0)).not.toEqual(epoch(1));
    expect([...new SampleOrder(20, 5, 3).draw(6).indices]).toEqual([...order.draw(6).indices]);
    expect([...new SampleOrder(20, 5, 4).draw(6).indices]).not.toEqual([...order.draw(6).indices]);
  });

  it('repeats samples where there are fewer than a mini-batch', () => {
    expect(new SampleOrder(3, 8, 0).draw(2)).toMatchObject({ epoch: 2, indices: { length: 8 } });
  });
});

describe('learning rates', () => {
  it('follow their shape', () => {
    const rates = (text: string, warmup = 0): number[] =>
      Array.from({ length: 5 }, (_, i) => rateAt({ base: 1, shape: parseRateShape(text) ?? expect.unreachable(), warmup, steps: 4 }, i));
    expect(rates('constant')).toEqual([1, 1, 1, 1, 1]);
    expect(rates('step:2:0.1').map((r) => +r.toFixed(6))).toEqual([1, 1, 0.1, 0.1, 0.01]);
    expect(rates('cosine').map((r) => +r.toFixed(6))).toEqual([1, 0.853553, 0.5, 0.146447, 0]);
    expect(rates('constant', 4)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    for (const text of ['step', 'step:0:1', 'linear', 'step:2:-1']) expect(parseRateShape(text)).toBeUndefined();
  });
});
