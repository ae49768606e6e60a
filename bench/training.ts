// Trains two networks from scratch on drawn digits: through mbs2 programs on the interpreter, and by the reference kernels in
// f64. Compares their accuracy in the ONNX runtime, and draws the loss curves of the example. Takes some minutes; arguments choose networks.
import { mkdirSync, writeFileSync } from 'node:fs';
import { drawDigits } from '../examples/training/digits.ts';
import type { CompileSettings } from '../src/api.ts';
import type { DataSet } from '../src/train/data-set.ts';
import { gather } from '../src/train/data-set.ts';
import { shareRight } from '../src/train/evaluate.ts';
import { Trainer } from '../src/train/trainer.ts';
import { lenet, NetworkBuilder, smallResidual } from '../test/chain/network.ts';
import { runOnnx } from '../test/onnx-model.ts';
import { lossChart } from './loss-chart.ts';
import { ReferenceTraining } from './reference-training.ts';

const BATCH = 32;
const SIZE = 20;
const SCALING = { mean: 0.5, deviation: 0.25 };
const FOLDER = new URL('../examples/training/', import.meta.url);

function linear(): Uint8Array {
  const b = new NetworkBuilder([BATCH, 1, SIZE, SIZE], 2);
  return b.model(b.full(b.flatten(b.input), 10));
}

const NETWORKS: Readonly<Record<string, { model: Uint8Array; settings: CompileSettings; epochs: number; reference: boolean }>> = {
  linear: { model: linear(), settings: { optimizer: 'adam', learningRate: 0.002 }, epochs: 8, reference: false },
  lenet: { model: lenet(BATCH, SIZE), settings: { optimizer: 'adam', learningRate: 0.002 }, epochs: 8, reference: true },
  residual: { model: smallResidual(BATCH, SIZE), settings: { optimizer: 'adam', learningRate: 0.004 }, epochs: 6, reference: true },
};

const data = drawDigits(4096, 1, SIZE);
const held = drawDigits(2048, 2, SIZE);

/** Share of the held samples that a model classifies right in the ONNX runtime. */
async function accuracyInOnnx(model: Uint8Array, { count, targets }: DataSet): Promise<number> {
  let right = 0;
  for (let from = 0; from < count; from += BATCH) {
    const indices = Int32Array.from({ length: BATCH }, (_, i) => from + i);
    const [scores = new Float64Array()] = await runOnnx(
      model,
      [{ name: 'x', shape: [BATCH, 1, SIZE, SIZE] }],
      [gather(held, indices, SCALING)],
    );
    right += BATCH * shareRight(scores, targets.subarray(from, from + BATCH), 10);
  }
  return right / count;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

mkdirSync(FOLDER, { recursive: true });
const chosen = process.argv.slice(2);
for (const [name, { model, settings, epochs, reference }] of Object.entries(NETWORKS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const all: CompileSettings = { ...settings, file: name, batch: BATCH, schedule: 'mbs2', norm: { kind: 'group', channelsPerGroup: 4 } };
  const trainer = new Trainer(model, all, data, { length: { epochs }, rate: { kind: 'cosine' }, scaling: SCALING });
  const other = reference ? new ReferenceTraining(model, all, data, SCALING) : undefined;
  const [core, exact]: [number[], number[]] = [[], []];
  while (trainer.step < trainer.steps) {
    const { loss, learningRate } = trainer.next();
    core.push(loss);
    if (other !== undefined) exact.push(other.next(learningRate));
  }
  const saved = trainer.save();
  console.log(
    `${name}: ${trainer.steps} steps; core ${percent(trainer.accuracy(held))}, saved model in the ONNX runtime ${percent(await accuracyInOnnx(saved, held))}`,
  );
  if (other === undefined) continue;
  console.log(`${name}: reference training in the ONNX runtime ${percent(await accuracyInOnnx(other.save(), held))}`);
  writeFileSync(new URL(`${name}.onnx`, FOLDER), model);
  const curves = [
    { name: 'mbs2 program, f16', color: '#c0392b', values: core },
    { name: 'reference kernels, f64', color: '#2c6fbb', values: exact },
  ];
  writeFileSync(new URL(`loss-${name}.svg`, FOLDER), lossChart(`${name}: training loss on drawn digits`, curves));
}
