import { elementCount } from '../../ir/tensor.ts';
import type { CompileSettings } from '../../src/index.ts';
import type { DataSet } from '../../src/train/data-set.ts';
import { SampleOrder } from '../../src/train/order.ts';
import { Trainer, type TrainingPlan } from '../../src/train/trainer.ts';
import { generator } from '../ir/values.ts';

/** Seeded samples whose class shows in their mean. */
export function randomData(count: number, shape: readonly number[], classes = 10): DataSet {
  const random = generator(11);
  const size = elementCount(shape);
  const targets = Int32Array.from({ length: count }, (_, i) => i % classes);
  const samples = Float32Array.from({ length: count * size }, (_, i) => 2 * random() - 1 + (targets[Math.floor(i / size)] ?? 0) / classes);
  return { name: 'random', count, shape, samples, targets, targetShape: [] };
}

/** A trainer on small random data. */
export function trainerOf(model: Uint8Array, data: DataSet, settings: CompileSettings = {}, plan: Partial<TrainingPlan> = {}): Trainer {
  return new Trainer(model, { batch: 8, schedule: 'mbs2', ...settings }, data, { length: { steps: 20 }, ...plan });
}

/** The samples that a trainer takes in a step, one behind the other. */
export function samplesOf({ data, plan, program }: Trainer, step: number): Float32Array {
  const { indices } = new SampleOrder(data.count, program.batch, plan.seed).draw(step);
  const size = elementCount(data.shape);
  return Float32Array.from(
    { length: indices.length * size },
    (_, i) => data.samples[(indices[Math.floor(i / size)] ?? 0) * size + (i % size)] ?? 0,
  );
}
