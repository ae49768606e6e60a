import { existsSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { importModel } from '../../src/onnx/index.ts';
import { readTensorPb } from '../../src/tensor-file/pb.ts';
import { difference, spread } from '../ir/values.ts';
import { hasMaterial, material } from '../material.ts';

const MODELS = [
  'mlperftiny_resnet8',
  'ort_cnn_mnist_pytorch',
  'wonnx_opt_mnist',
  'ort_mnist_cntk',
  'rten_mnist_dynamo',
  'ort_conv_autopad',
  'onnxmlir_mnist_mlp',
];

/** The one output of the imported model, computed by the reference kernels without rounding. */
function computed(path: string, batch: number, input: Values): Values {
  const graph = importModel(readFileSync(path), { file: path, mode: 'inference', batch });
  const [name = '', [output = '']] = [graph.inputs[0], graph.outputs];
  return evaluate(graph, new Map([[name, input]])).get(output) ?? new Float64Array();
}

describe.skipIf(!hasMaterial)('models with real weights', () => {
  it.each(MODELS)('%s gives the stored output', (model) => {
    const folder = material(`models/io/${model}/test_data_set_0`);
    expect(existsSync(folder)).toBe(true);
    const [input, output] = ['input_0.pb', 'output_0.pb'].map((f) => readTensorPb(readFileSync(`${folder}/${f}`), f));
    if (input === undefined || output === undefined) return expect.unreachable();
    expect(difference(computed(material(`models/${model}.onnx`), input.shape[0] ?? 1, input.values), output.values)).toBeLessThan(1e-4);
  });

  it.each(MODELS)('%s at mini-batch 2 gives what the ONNX runtime gives for each sample', async (model) => {
    const path = material(`models/${model}.onnx`);
    const graph = importModel(readFileSync(path), { file: path, mode: 'inference', batch: 2 });
    const { name, type } = graph.tensors.get(graph.inputs[0] ?? '') ?? expect.unreachable();
    const size = elementCount(type.shape) / 2;
    const input = spread(2 * size, 5);
    const session = await InferenceSession.create(path, { intraOpNumThreads: 1 });
    const outputs: number[] = [];
    for (const n of [0, 1]) {
      const sample = new Tensor('float32', Float32Array.from(input.subarray(n * size, (n + 1) * size)), [1, ...type.shape.slice(1)]);
      const results = await session.run({ [name]: sample });
      const { data } = results[session.outputNames[0] ?? ''] ?? expect.unreachable();
      outputs.push(...(data as Float32Array));
    }
    await session.release();
    expect(difference(computed(path, 2, input), Float64Array.from(outputs))).toBeLessThan(1e-4);
  });
});
