import { describe, expect, it } from 'vitest';
import { withDefaults } from '../../passes/training/defaults.ts';
import { deriveTraining } from '../../passes/training/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { encodeModel, type OnnxAttribute, type OnnxNode } from '../onnx-model.ts';
import { importProblems } from './problems.ts';

const WEIGHT = { name: 'w', shape: [4, 3], values: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] };

/** Scores of three classes, and nodes behind them. */
function model(nodes: readonly OnnxNode[], outputs: readonly string[]): Uint8Array {
  return encodeModel({
    inputs: [
      { name: 'x', shape: [2, 4] },
      { name: 'labels', shape: [2], integer: true },
    ],
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['scores'] }, ...nodes],
    outputs,
    constants: [WEIGHT],
  });
}

const loss = (attributes: Readonly<Record<string, OnnxAttribute>> = {}, more: readonly string[] = []): OnnxNode => ({
  op: 'SoftmaxCrossEntropyLoss',
  inputs: ['scores', 'labels', ...more],
  outputs: ['loss', 'logs'],
  attributes,
});
const imported = (bytes: Uint8Array) => importModel(bytes, { file: 'm', mode: 'training' });

describe('a model that ends in its loss', () => {
  it.each([
    ['SoftmaxCrossEntropyLoss', model([loss({ reduction: 'mean' })], ['loss'])],
    ['its logarithms too', model([loss()], ['loss', 'logs'])],
    [
      'NegativeLogLikelihoodLoss of LogSoftmax',
      model(
        [
          { op: 'LogSoftmax', inputs: ['scores'], outputs: ['logs'], attributes: { axis: 1 } },
          { op: 'NegativeLogLikelihoodLoss', inputs: ['logs', 'labels'], outputs: ['loss'] },
        ],
        ['loss'],
      ),
    ],
    ['Softmax', model([{ op: 'Softmax', inputs: ['scores'], outputs: ['p'], attributes: { axis: 1 } }], ['p'])],
    ['scores', model([], ['scores'])],
  ])('%s: training computes the loss of the scores', (_name, bytes) => {
    const graph = imported(bytes);
    expect(graph.inputs).toEqual(['x']);
    const step = deriveTraining(graph, withDefaults({}));
    expect(step.layers.filter((l) => l.phase === 'forward').map((l) => l.kind)).toEqual(['gemm', 'softmax_loss']);
    expect(step.inputs).toEqual(['x', 'label']);
    expect(step.outputs.slice(0, 2)).toEqual(['scores', 'loss']);
  });

  it.each([[loss({ reduction: 'sum' })], [loss({ ignore_index: 0 })], [loss({}, ['w'])]])(
    'is refused where the loss is another: %j',
    (node) => {
      expect(importProblems(model([node], ['loss'])).map((p) => p.code)).toEqual(['UNSUPPORTED_ATTRIBUTE']);
    },
  );

  it('is refused where nodes compute with the loss', () => {
    const doubled = { op: 'Add', inputs: ['loss', 'loss'], outputs: ['twice'] };
    expect(importProblems(model([loss(), doubled], ['twice'])).map((p) => p.code)).toEqual(['UNSUPPORTED_ATTRIBUTE']);
  });
});
