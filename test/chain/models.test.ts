import { existsSync, readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { roundToHalf } from '../../ir/half.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { readTensorPb } from '../../src/tensor-file/pb.ts';
import { generator } from '../ir/values.ts';
import { hasMaterial, material } from '../material.ts';
import { runOnnx } from '../onnx-model.ts';
import { compileGraph, distance, inputsOf, machineWith, numbersOf, run, runFunctional, verify } from './execute.ts';

const { onnx } = onnxProto;

/**
 * Euclidean distance, relative, of the scores from those in f32: weights, inputs and every activation are rounded to 11 bits,
 * a relative error of 5e-4 at each of the layers (2 to 21 of them).
 */
const TOLERANCE = 1e-2;

/** The scores that a core computes with small buffers in the global buffer or the full one. */
function scores(graph: Graph, input: Values, schedule: ScheduleName, kib: number): Values {
  const c = compileGraph(graph, { schedule, mode: 'inference', machine: machineWith(kib) });
  const result = runFunctional(c, new Map([[c.graph.inputs[0] ?? '', input]]));
  const timing = run(c.program, { mode: 'timing' });
  expect(verify(c.program, result).problems).toEqual([]);
  expect([timing.cycles, timing.traffic]).toEqual([result.cycles, result.traffic]);
  const [output] = [...result.outputs.values()];
  return output === undefined ? new Float64Array() : numbersOf('f16', output.bytes);
}

const STORED = ['mlperftiny_resnet8', 'ort_cnn_mnist_pytorch', 'wonnx_opt_mnist', 'ort_mnist_cntk', 'rten_mnist_dynamo'];

describe.skipIf(!hasMaterial)('models with real weights', () => {
  it.each(STORED)('%s gives the stored output', (model) => {
    const folder = material(`models/io/${model}/test_data_set_0`);
    expect(existsSync(folder)).toBe(true);
    const [input, output] = ['input_0.pb', 'output_0.pb'].map((f) => readTensorPb(readFileSync(`${folder}/${f}`), f));
    if (input === undefined || output === undefined) return expect.unreachable();
    const file = material(`models/${model}.onnx`);
    const graph = importModel(readFileSync(file), { file, mode: 'inference', batch: input.shape[0] ?? 1 });
    const baseline = scores(graph, input.values, 'baseline', 10240);
    expect(distance(baseline, output.values)).toBeLessThan(TOLERANCE);
    expect(scores(graph, input.values, 'mbs2', 10240)).toEqual(baseline);
  });

  it.each(STORED)('%s at mini-batch 3 gives what the ONNX runtime gives for each sample, in a buffer of 96 KiB', async (model) => {
    const file = material(`models/${model}.onnx`);
    const graph = importModel(readFileSync(file), { file, mode: 'inference', batch: 3 });
    const [name = ''] = graph.inputs;
    const { type } = graph.tensors.get(name) ?? expect.unreachable();
    const input = inputsOf(graph, 5).get(name) ?? expect.unreachable();
    const size = input.length / 3;
    const expected: number[] = [];
    for (const n of [0, 1, 2]) {
      const sample = input.subarray(n * size, (n + 1) * size);
      const [values = []] = await runOnnx(readFileSync(file), [{ name, shape: [1, ...type.shape.slice(1)] }], [sample]);
      expected.push(...values);
    }
    const baseline = scores(graph, input, 'baseline', 96);
    expect(distance(baseline, Float64Array.from(expected))).toBeLessThan(TOLERANCE);
    expect(scores(graph, input, 'mbs2', 96)).toEqual(baseline);
  });
});

/** Models whose operators the stored outputs above do not have, and the sizes of their open dimensions. */
const OTHERS: readonly (readonly [model: string, bind: Readonly<Record<string, number>>])[] = [
  ['mlperftiny_mobilenet_v1', {}],
  ['onnxmlir_mnist_mlp', {}],
  ['ort_mobilenet_v3_small_excerpt', { batch_size: 1 }],
  ['ort_nhwc_conv_clip_relu', { N: 1 }],
  ['tract_keras_example', { unk__6: 1 }],
  ['zoo_super_resolution-10', { batch_size: 1 }],
  ['deeploy_Autoencoder1D', {}],
  ['stream_one_bottleneck_with_bias', {}],
  ['stream_2_conv', {}],
  ['ort_conv_autopad', {}],
];

describe.skipIf(!hasMaterial)('models of other operators', () => {
  it.each(OTHERS)('%s gives what the ONNX runtime gives', async (model, bind) => {
    const file = material(`models/${model}.onnx`);
    const graph = importModel(readFileSync(file), { file, mode: 'inference', bind });
    const [name = ''] = graph.inputs;
    const { type } = graph.tensors.get(name) ?? expect.unreachable();
    const input = inputsOf(graph, 5).get(name) ?? expect.unreachable();
    const [expected] = await runOnnx(readFileSync(file), [{ name, shape: type.shape }], [input]);
    expect(distance(scores(graph, input, 'mbs2', 10240), expected)).toBeLessThan(TOLERANCE);
  });

  it.each(OTHERS.map(([model]) => model).concat('wonnx_opt_mnist', 'mlperftiny_resnet8', 'tract_keras_example'))(
    '%s compiles for training where it ends in scores',
    (model) => {
      const file = material(`models/${model}.onnx`);
      const graph = importModel(readFileSync(file), { file, mode: 'training', batch: 4 });
      const shape = graph.tensors.get(graph.outputs[0] ?? '')?.type.shape ?? [];
      const compiled = (): unknown => compileGraph(graph, { schedule: 'mbs2', optimizer: 'sgd' });
      if (shape.slice(2).every((d) => d === 1)) expect(compiled()).toBeDefined();
      else expect(compiled).toThrow(/logits have shape/);
    },
  );
});

/** The model with He-uniform weights, which halves can hold, in place of those that `ConstantOfShape` stands for. */
function withWeights(bytes: Uint8Array): Uint8Array {
  const model = onnx.ModelProto.decode(bytes);
  const { graph } = model;
  const random = generator(3);
  const shapes = new Map<string | null | undefined, number[]>();
  for (const { name, dataType, rawData } of graph?.initializer ?? []) {
    if (dataType === onnx.TensorProto.DataType.INT64 && rawData)
      shapes.set(name, Array.from(new BigInt64Array(Uint8Array.from(rawData).buffer), Number));
  }
  for (const node of graph?.node ?? []) {
    const shape = shapes.get(node.input?.[0] ?? '');
    if (node.opType !== 'ConstantOfShape' || shape === undefined || shape.length < 2) continue;
    const limit = Math.sqrt(6 / elementCount(shape.slice(1)));
    const values = Float32Array.from({ length: elementCount(shape) }, () => roundToHalf(limit * (2 * random() - 1)));
    node.opType = 'Constant';
    node.input = [];
    const t = onnx.TensorProto.create({ dims: shape, dataType: onnx.TensorProto.DataType.FLOAT, rawData: new Uint8Array(values.buffer) });
    node.attribute = [onnx.AttributeProto.create({ name: 'value', type: onnx.AttributeProto.AttributeType.TENSOR, t })];
  }
  return onnx.ModelProto.encode(model).finish();
}

const QUICK = ['squeezenet1_0.eval', 'resnet18.eval'];
const SLOW = [
  'resnet50.eval',
  'resnet50.dynamo',
  'alexnet.eval',
  'googlenet.eval',
  'light_resnet50',
  'light_bvlc_alexnet',
  'light_squeezenet',
  'light_vgg19',
  'light_inception_v1',
];
/** `npm run test:networks` runs the large networks too. */
const NETWORKS = process.env.ALL_NETWORKS === undefined ? QUICK : [...QUICK, ...SLOW];

describe.skipIf(!hasMaterial)('networks of full size with drawn weights', () => {
  it.each(NETWORKS)('%s gives what the ONNX runtime gives', async (network) => {
    const file = material(`networks/${network}.onnx`);
    const model = withWeights(readFileSync(file));
    const graph = importModel(model, { file, mode: 'inference', batch: 1 });
    const [name = ''] = graph.inputs;
    const { type } = graph.tensors.get(name) ?? expect.unreachable();
    const input = inputsOf(graph, 5).get(name) ?? expect.unreachable();
    const [expected] = await runOnnx(model, [{ name, shape: type.shape }], [input]);
    const baseline = scores(graph, input, 'baseline', 10240);
    expect(distance(baseline, expected)).toBeLessThan(TOLERANCE);
    expect(scores(graph, input, 'mbs2', 2048)).toEqual(baseline);
  });
});
