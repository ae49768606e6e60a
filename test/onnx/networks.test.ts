import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { hasMaterial, material } from '../material.ts';
import { importProblems } from './problems.ts';

const NETWORKS = [
  ...['resnet18', 'resnet50', 'resnet101', 'resnet152', 'alexnet', 'squeezenet1_1', 'vgg16', 'vgg16_bn', 'densenet121', 'googlenet'].map(
    (n) => `${n}.train`,
  ),
  ...['inception_v3.train', 'inception_v4.train', 'inception_v3.eval', 'resnet152.eval', 'resnext50_32x4d.train'],
  ...['resnet18.eval', 'resnet50.eval', 'alexnet.eval', 'squeezenet1_0.eval', 'googlenet.eval', 'resnet50.dynamo'],
  ...['resnet50', 'bvlc_alexnet', 'squeezenet', 'vgg19', 'inception_v1'].map((n) => `light_${n}`),
].map((n) => `networks/${n}.onnx`);
const MODELS = ['mlperftiny_resnet8', 'ort_cnn_mnist_pytorch', 'wonnx_opt_mnist', 'ort_mnist_cntk', 'rten_mnist_dynamo'].map(
  (n) => `models/${n}.onnx`,
);
const MODES = ['training', 'inference'] as const;

function load(path: string, mode: 'training' | 'inference', batch?: number): Graph {
  return importModel(readFileSync(material(path)), { file: path, mode, ...(batch === undefined ? {} : { batch }) });
}

const count = (graph: Graph, kind: string): number => graph.layers.filter((l) => l.kind === kind).length;

describe.skipIf(!hasMaterial)('networks', () => {
  it.each([...NETWORKS, ...MODELS])('%s is imported in both modes at several mini-batches', (path) => {
    for (const mode of MODES) {
      for (const batch of [1, 2, 8]) {
        const graph = load(path, mode, batch);
        expect(verify(graph)).toEqual([]);
        expect(graph.batch).toBe(batch);
        for (const output of graph.outputs) expect(graph.tensors.get(output)).toMatchObject({ kind: 'output', batched: true });
      }
    }
  });

  it('takes the mini-batch from the model, or asks for it', () => {
    expect(load('networks/resnet18.train.onnx', 'training').batch).toBe(2);
    expect(load('networks/resnet18.eval.onnx', 'inference').batch).toBe(1);
    const dynamic = readFileSync(material('networks/resnet18.evaldyn.onnx'));
    expect(importProblems(dynamic)).toMatchObject([{ code: 'UNBOUND_DIMENSION', place: { tensor: 'input' } }]);
    const bound = importModel(dynamic, { file: 'm', mode: 'inference', bind: { batch: 3 } });
    expect(bound.tensors.get('output')?.type.shape).toEqual([3, 1000]);
    expect(importModel(dynamic, { file: 'm', mode: 'inference', batch: 4 }).batch).toBe(4);
  });

  it('gives every parameter behind an Identity a tensor of its own', () => {
    const graph = load('networks/resnet152.eval.onnx', 'training');
    expect(count(graph, 'conv')).toBe(155);
    const parameters = graph.layers.filter((l) => l.kind === 'conv').flatMap((l) => l.inputs.slice(1));
    expect(new Set(parameters).size).toBe(2 * 155);
    expect([...graph.tensors.values()].filter((t) => t.kind === 'weight')).toHaveLength(2 * 156);
  });

  it('keeps names, and origins that point into the file', () => {
    const graph = load('networks/alexnet.train.onnx', 'training');
    expect(graph.layers[0]).toMatchObject({ name: '/features/features.0/Conv', origin: '/features/features.0/Conv', kind: 'conv' });
    expect(graph.tensors.get('features.0.weight')).toMatchObject({
      kind: 'weight',
      type: { dtype: 'f16', shape: [64, 3, 11, 11] },
      constant: { form: 'splat' },
    });
    expect(graph.tensors.get('features.0.bias')).toMatchObject({ kind: 'weight', type: { dtype: 'f32', shape: [64] } });
    const unnamed = load('models/ort_cnn_mnist_pytorch.onnx', 'training');
    expect(unnamed.layers[0]).toMatchObject({ name: 'Conv_0', origin: 'Conv#0' });
  });

  it('keeps dropout for training alone, each with its own seed', () => {
    const graph = load('networks/vgg16.train.onnx', 'training');
    expect(new Set(graph.layers.filter((l) => l.kind === 'dropout').map((l) => l.attrs.seed)).size).toBe(2);
    expect(count(load('networks/vgg16.train.onnx', 'inference'), 'dropout')).toBe(0);
  });

  it('has the auxiliary output of Inception v3', () => {
    expect(load('networks/inception_v3.train.onnx', 'training', 2).outputs).toEqual(['1095', '962']);
  });

  it('either imports or refuses every other model', () => {
    for (const folder of [
      'networks',
      'models',
      'gradients/networks/test_resnet',
      'gradients/networks/test_byobnet',
      'gradients/networks/test_efficientnet',
    ]) {
      for (const file of readdirSync(material(folder)).filter((f) => f.endsWith('.onnx'))) {
        for (const problem of importProblems(readFileSync(material(`${folder}/${file}`)), { mode: 'training', batch: 2 })) {
          expect(problem.code).toMatch(/^(UNSUPPORTED_|QUANTIZED$|EXTERNAL_DATA|BAD_CONSTANT|DUPLICATE_PRODUCER|MIXES_SAMPLES)/);
        }
      }
    }
  });

  it('imports the network of the gradient oracle that has no gates', () => {
    const graph = load('gradients/networks/test_resnet/model.onnx', 'training');
    expect(verify(graph)).toEqual([]);
    expect(graph.batch).toBe(4);
  });
});
