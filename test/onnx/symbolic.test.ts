import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadModel } from '../../src/model.ts';
import { importModel } from '../../src/onnx/index.ts';
import { hasMaterial, material } from '../material.ts';
import { encodeModel, type ModelParts } from '../onnx-model.ts';
import { importProblems } from './problems.ts';

const exports = hasMaterial ? readdirSync(material('networks')).filter((f) => /\.(evaldyn|dynamo)\.onnx$/.test(f)) : [];

describe.skipIf(!hasMaterial)('networks with symbolic dimensions, or of a newer exporter', () => {
  it('are there', () => {
    expect(exports.length).toBeGreaterThanOrEqual(3);
  });

  it.each(exports)('%s takes any mini-batch', (file) => {
    const bytes = readFileSync(material(`networks/${file}`));
    for (const batch of [1, 3]) {
      const graph = importModel(bytes, { file, mode: 'inference', batch });
      expect([...graph.inputs, ...graph.outputs].map((name) => graph.tensors.get(name)?.type.shape[0])).toEqual([batch, batch]);
    }
  });

  it('bind the mini-batch by its name as well', () => {
    const bytes = readFileSync(material('networks/resnet18.evaldyn.onnx'));
    expect(importModel(bytes, { file: 'm', mode: 'inference', bind: { batch: 5 } }).batch).toBe(5);
  });
});

const model = (...shape: (number | string)[]): Uint8Array => {
  const parts: ModelParts = {
    inputs: [{ name: 'image', shape }],
    nodes: [{ op: 'Relu', inputs: ['image'], outputs: ['y'] }],
    outputs: ['y'],
  };
  return encodeModel(parts);
};

describe('a dimension without a size', () => {
  it('is told with its input and the option that gives it', () => {
    expect(importProblems(model('n', 3, 'height', ''))).toMatchObject([
      {
        place: { tensor: 'image' },
        message: expect.stringContaining('dimension 0 of the graph input (n)'),
        hint: expect.stringMatching(/--batch N.*--bind n=N/),
      },
      {
        place: { tensor: 'image' },
        message: expect.stringContaining('dimension 2 of the graph input (height)'),
        hint: expect.stringContaining('--bind height=N'),
      },
      {
        place: { tensor: 'image' },
        message: expect.stringContaining('dimension 3 of the graph input (without a name)'),
        hint: expect.not.stringContaining('--bind'),
      },
    ]);
  });

  it('that is bound by name has that size, whatever the default mini-batch', () => {
    expect(loadModel(model('n', 3, 4, 4), { bind: { n: 6 } }).graph.batch).toBe(6);
    expect(loadModel(model('n', 3, 4, 4)).graph.batch).toBe(32);
    expect(loadModel(model(1, 3, 4, 4), { batch: 7 }).graph.batch).toBe(7);
  });
});
