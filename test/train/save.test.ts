import { describe, expect, it } from 'vitest';
import { roundToHalf } from '../../ir/half.ts';
import { elementCount } from '../../ir/tensor.ts';
import { resolveSettings, runPasses } from '../../src/api.ts';
import type { CompileSettings } from '../../src/index.ts';
import { loadModel } from '../../src/model.ts';
import { numbersOf } from '../../src/tensors.ts';
import { trainedModel } from '../../src/train/save.ts';
import { distance, groups, KEEP } from '../chain/execute.ts';
import { NetworkBuilder, residualNetwork } from '../chain/network.ts';
import { encodeModel, type ModelParts, runOnnx } from '../onnx-model.ts';
import { randomData, samplesOf, trainerOf } from './trainer.ts';

const SHAPE = [3, 8, 8];
const BATCH = 8;
const INPUT = [{ name: 'x', shape: [BATCH, ...SHAPE] }];
/** Relative distance of scores in f16 from those in f32. */
const TOLERANCE = 5e-3;

/** After some steps: the scores that the program computes in the next one, and those of the saved model in the ONNX runtime. */
async function scores(
  model: Uint8Array,
  settings: CompileSettings,
  steps: number,
): Promise<{ program: Float64Array; saved: Float64Array }> {
  const data = randomData(BATCH, SHAPE);
  const trainer = trainerOf(model, data, settings);
  for (let i = 0; i < steps; i++) trainer.next();
  const saved = trainer.save();
  const x = samplesOf(trainer, trainer.step).map(roundToHalf);
  const first = [...trainer.next().run.outputs.values()].find(({ shape }) => shape.join() === `${BATCH},10`);
  const [output = new Float64Array()] = await runOnnx(saved, INPUT, [x]);
  return { program: first === undefined ? new Float64Array() : numbersOf(first), saved: output };
}

const seeded = (count: number, scale: number): number[] =>
  Array.from({ length: count }, (_, i) => roundToHalf(scale * Math.sin(3 * i + 1)));

/** A fully connected layer of [C] to 10 behind a flattened input, written in some way. */
function written(parts: Pick<ModelParts, 'nodes' | 'constants'>): Uint8Array {
  return encodeModel({
    inputs: INPUT,
    outputs: ['y'],
    nodes: [{ op: 'Flatten', inputs: ['x'], outputs: ['flat'] }, ...parts.nodes],
    constants: parts.constants ?? [],
  });
}
const WEIGHT = { name: 'w', shape: [192, 10], values: seeded(1920, 0.1) };
const FORMS: Readonly<Record<string, Uint8Array>> = {
  'MatMul and Add': written({
    nodes: [
      { op: 'MatMul', inputs: ['flat', 'w'], outputs: ['m'] },
      { op: 'Add', inputs: ['m', 'b'], outputs: ['y'] },
    ],
    constants: [WEIGHT, { name: 'b', shape: [10], values: seeded(10, 1) }],
  }),
  'Gemm with alpha, beta and a scalar bias': written({
    nodes: [{ op: 'Gemm', inputs: ['flat', 'w', 'b'], outputs: ['y'], attributes: { alpha: { float: 0.5 }, beta: { float: 2 } } }],
    constants: [WEIGHT, { name: 'b', shape: [1], values: [0.5] }],
  }),
  'a weight from Constant and Transpose nodes': written({
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['c'], attributes: { value: { tensor: { ...WEIGHT, shape: [10, 192] } } } },
      { op: 'Transpose', inputs: ['c'], outputs: ['t'], attributes: { perm: [1, 0] } },
      { op: 'MatMul', inputs: ['flat', 't'], outputs: ['y'] },
    ],
  }),
  'a bias that is subtracted, of one value': written({
    nodes: [
      { op: 'MatMul', inputs: ['flat', 'w'], outputs: ['m'] },
      { op: 'Relu', inputs: ['m'], outputs: ['r'] },
      { op: 'Sub', inputs: ['r', 'b'], outputs: ['y'] },
    ],
    constants: [WEIGHT, { name: 'b', shape: [], values: [0.25] }],
  }),
};

describe('the saved model in the ONNX runtime', () => {
  it.each(Object.entries(FORMS))('%s', async (_name, model) => {
    const { program, saved } = await scores(model, { learningRate: 0.1 }, 3);
    expect(distance(program, saved)).toBeLessThan(TOLERANCE);
    const untrained = await runOnnx(model, INPUT, [samplesOf(trainerOf(model, randomData(BATCH, SHAPE)), 3)]);
    expect(distance(untrained[0], saved)).toBeGreaterThan(10 * TOLERANCE);
  });

  it('computes group normalization where training did', async () => {
    const { program, saved } = await scores(residualNetwork(BATCH, 8), { norm: groups(4), learningRate: 0.1 }, 3);
    expect(distance(program, saved)).toBeLessThan(2 * TOLERANCE);
  });

  it('is the same whether the step gathered its statistics or not', () => {
    const model = residualNetwork(BATCH, 8);
    const settings = resolveSettings({ batch: BATCH, norm: groups(4) });
    const loaded = loadModel(model, settings);
    const [apart, joined] = [false, true].map((gathers) => {
      const { graph } = runPasses(loaded, { ...settings, gathers });
      return trainedModel(
        model,
        graph,
        loaded.origins,
        (name) => new Float32Array(elementCount(graph.tensors.get(name)?.type.shape ?? [])),
      );
    });
    expect(joined).toEqual(apart);
  });

  it('has the running statistics of batch normalization', async () => {
    // With a rate of 0 and one mini-batch, the running statistics go to those of the mini-batch: 0.9^100 of the start remains.
    const { program, saved } = await scores(
      residualNetwork(BATCH, 8),
      { schedule: 'il', norm: KEEP, learningRate: 0, weightDecay: 0 },
      100,
    );
    expect(distance(program, saved)).toBeLessThan(2 * TOLERANCE);
  });

  it('leaves out dropout, and keeps what training does not touch', async () => {
    const b = new NetworkBuilder([BATCH, ...SHAPE]);
    const model = b.model(b.full(b.dropout(b.flatten(b.relu(b.scaleAndShift(b.conv(b.input, 4, { kernel: 3 }))))), 10));
    const trainer = trainerOf(model, randomData(BATCH, SHAPE), { learningRate: 0 });
    const x = samplesOf(trainer, 0);
    expect(await runOnnx(trainer.save(), INPUT, [x])).toEqual(await runOnnx(model, INPUT, [x]));
  });
});
