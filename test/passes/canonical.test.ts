import { describe, expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { normalize } from '../../passes/normalize.ts';
import { importModel } from '../../src/onnx/index.ts';
import { distance, KEEP } from '../chain/execute.ts';
import { generator, spread } from '../ir/values.ts';
import { encodeModel, type OnnxConstant, type OnnxNode } from '../onnx-model.ts';

const node = (op: string, inputs: string, output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attributes,
});

function weights(name: string, shape: readonly number[], from = -1, to = 1): OnnxConstant {
  const random = generator(name.length + shape.length);
  return {
    name,
    shape,
    values: Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => Math.fround(from + (to - from) * random())),
  };
}

const ints = (name: string, ...values: number[]): OnnxConstant => ({ name, shape: [values.length], values, integer: true });
const W = weights('w', [4, 3, 3, 3]);
const V = weights('v', [5, 4, 1, 1]);

interface Form {
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxConstant[];
  readonly shape?: readonly number[];
  readonly opset?: number;
}

const SHAPE = [2, 3, 6, 6];

function lowered({ nodes, constants = [], shape = SHAPE, opset = 17 }: Form): Graph {
  const bytes = encodeModel({ inputs: [{ name: 'x', shape }], nodes, outputs: ['y'], constants: [...constants], opset });
  return normalize(importModel(bytes, { file: 'm', mode: 'inference' }), { mode: 'inference', norm: KEEP });
}

/** The layers with tensors by number, and without names: what two graphs that do the same have in common. */
function canonical(graph: Graph): unknown[] {
  const numbers = new Map<string, number>();
  const number = (name: string): number => {
    const known = numbers.get(name) ?? numbers.size;
    numbers.set(name, known);
    return known;
  };
  return graph.layers.map(({ kind, attrs, inputs, outputs }) => [kind, attrs, inputs.map(number), outputs.map(number)]);
}

/** Pairs of one network as two exporters write it. */
const PAIRS: readonly (readonly [name: string, one: Form, other: Form])[] = [
  [
    'padding apart or within the convolution',
    { nodes: [node('Pad', 'x p', 'a'), node('Conv', 'a w', 'y')], constants: [W, ints('p', 0, 0, 1, 2, 0, 0, 3, 1)] },
    { nodes: [node('Conv', 'x w', 'y', { pads: [1, 2, 3, 1] })], constants: [W] },
  ],
  [
    'padding apart or within an average',
    {
      nodes: [node('Pad', 'x p', 'a'), node('AveragePool', 'a', 'y', { kernel_shape: [3, 3] })],
      constants: [ints('p', 0, 0, 1, 1, 0, 0, 1, 1)],
    },
    { nodes: [node('AveragePool', 'x', 'y', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 })] },
  ],
  [
    'normalization as one operator, or as a product and a sum',
    {
      nodes: [node('Conv', 'x w', 'a'), node('BatchNormalization', 'a g b m s', 'n'), node('Relu', 'n', 'y')],
      constants: [
        W,
        weights('g', [4], 0.5, 1.5),
        weights('b', [4]),
        { name: 'm', shape: [4], values: [0, 0, 0, 0] },
        { name: 's', shape: [4], values: [1, 1, 1, 1] },
      ],
    },
    {
      nodes: [node('Conv', 'x w', 'a'), node('Mul', 'a g', 'c'), node('Add', 'c b', 'n'), node('Relu', 'n', 'y')],
      constants: [W, { ...weights('g', [4], 0.5, 1.5), shape: [4, 1, 1] }, { ...weights('b', [4]), shape: [1, 4, 1, 1] }],
    },
  ],
  [
    'channels last between transpositions, or first throughout',
    {
      nodes: [
        node('Conv', 'x w', 'a'),
        node('Transpose', 'a', 'b', { perm: [0, 2, 3, 1] }),
        node('Add', 'b c', 'd'),
        node('Sigmoid', 'd', 'e'),
        node('Mul', 'e b', 'f'),
        node('Transpose', 'f', 'g', { perm: [0, 3, 1, 2] }),
        node('Conv', 'g v', 'y'),
      ],
      constants: [W, V, weights('c', [4])],
    },
    {
      nodes: [
        node('Conv', 'x w', 'a'),
        node('Add', 'a c', 'd'),
        node('Sigmoid', 'd', 'e'),
        node('Mul', 'e a', 'f'),
        node('Conv', 'f v', 'y'),
      ],
      constants: [W, V, { ...weights('c', [4]), shape: [4, 1, 1] }],
    },
  ],
  [
    'a matrix product over the last dimension, or a convolution of one pixel',
    {
      nodes: [
        node('Transpose', 'x', 'a', { perm: [0, 2, 3, 1] }),
        node('MatMul', 'a u', 'b'),
        node('Transpose', 'b', 'c', { perm: [0, 3, 1, 2] }),
        node('Relu', 'c', 'y'),
      ],
      constants: [{ name: 'u', shape: [3, 5], values: Array.from({ length: 15 }, (_, i) => i / 16) }],
    },
    {
      nodes: [node('Conv', 'x u', 'c', {}), node('Relu', 'c', 'y')],
      constants: [{ name: 'u', shape: [5, 3, 1, 1], values: Array.from({ length: 15 }, (_, i) => ((i % 3) * 5 + Math.floor(i / 3)) / 16) }],
    },
  ],
  [
    'Sum or Add',
    { nodes: [node('Relu', 'x', 'a'), node('Sum', 'a x', 'y')] },
    { nodes: [node('Relu', 'x', 'a'), node('Add', 'a x', 'y')] },
  ],
  [
    'GlobalAveragePool or ReduceMean',
    { nodes: [node('GlobalAveragePool', 'x', 'y')] },
    { nodes: [node('ReduceMean', 'x', 'y', { axes: [2, 3] })] },
  ],
  [
    'GlobalMaxPool or ReduceMax',
    { nodes: [node('GlobalMaxPool', 'x', 'y')] },
    { nodes: [node('ReduceMax', 'x', 'y', { axes: [-1, -2] })] },
  ],
  [
    'Flatten or Reshape',
    { nodes: [node('Relu', 'x', 'a'), node('Flatten', 'a', 'y')] },
    { nodes: [node('Relu', 'x', 'a'), node('Reshape', 'a s', 'y')], constants: [ints('s', 0, -1)] },
  ],
  [
    'a fully connected layer as one operator or as two',
    {
      nodes: [node('Gemm', 'x u b', 'y', { transB: 1 })],
      constants: [weights('u', [5, 7]), weights('b', [5])],
      shape: [2, 7],
    },
    {
      nodes: [node('Transpose', 'u', 't'), node('MatMul', 'x t', 'm'), node('Add', 'm b', 'y')],
      constants: [weights('u', [5, 7]), weights('b', [5])],
      shape: [2, 7],
    },
  ],
  [
    'SiLU as one operator or as a product',
    { nodes: [node('Swish', 'x', 'y')], opset: 24 },
    { nodes: [node('Sigmoid', 'x', 's'), node('Mul', 'x s', 'y')] },
  ],
  [
    'hard swish as one operator or as a product',
    { nodes: [node('HardSwish', 'x', 'y')] },
    { nodes: [node('HardSigmoid', 'x', 's', { alpha: { float: 1 / 6 } }), node('Mul', 's x', 'y')] },
  ],
];

describe('one network, exported in two ways, is the same layers', () => {
  it.each(PAIRS)('%s', (_name, one, other) => {
    const [a, b] = [lowered(one), lowered(other)];
    expect(canonical(a)).toEqual(canonical(b));
    const x = spread(
      (one.shape ?? SHAPE).reduce((p, d) => p * d, 1),
      5,
    );
    const [y, z] = [a, b].map((g) => evaluate(g, new Map([['x', x]])).get('y'));
    // The epsilon of normalization is all that differs.
    expect(distance(y, z)).toBeLessThan(1e-5);
  });
});
