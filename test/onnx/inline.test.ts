import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import { importModel } from '../../src/onnx/index.ts';
import { difference, spread } from '../ir/values.ts';
import { DOMAIN, encodeModel, type FunctionParts, type ModelParts, type OnnxAttribute, type OnnxNode, runOnnx } from '../onnx-model.ts';
import { importProblems, summary } from './problems.ts';

const X = { name: 'x', shape: [2, 3, 4, 4] };
const Y = { name: 'y', shape: [2, 3, 4, 4] };

const node = (op: string, inputs: string[], outputs: string[], attributes: OnnxNode['attributes'] = {}, name = ''): OnnxNode => ({
  op,
  inputs,
  outputs,
  attributes,
  name,
});
const call = (op: string, inputs: string[], outputs: string[], attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  ...node(op, inputs, outputs, attributes, `call_${outputs.join('_')}`),
  domain: DOMAIN,
});
const bool = (name: string, value: boolean) => ({
  name,
  dims: [],
  dataType: onnxProto.onnx.TensorProto.DataType.BOOL,
  rawData: Uint8Array.of(value ? 1 : 0),
});
const int = (name: string, value: number) => ({ name, shape: [], values: [value], integer: true });
const graph = (parts: ModelParts): { readonly graph: ModelParts } => ({ graph: parts });

/** The output as the ONNX runtime computes it, against that of the imported graph. */
async function expectSame(parts: ModelParts): Promise<void> {
  const bytes = encodeModel(parts);
  const input = spread(2 * 3 * 4 * 4, 3);
  const [wanted = []] = await runOnnx(bytes, [X], [input]);
  const imported = importModel(bytes, { file: 'm', mode: 'inference' });
  const actual = evaluate(imported, new Map([['x', input]])).get(imported.outputs[0] ?? '') ?? [];
  expect(difference(Float64Array.from(actual), Float64Array.from(wanted))).toBeLessThan(1e-5);
}

const LEAKY: FunctionParts = {
  name: 'Leaky',
  inputs: ['a'],
  outputs: ['b'],
  attributes: ['slope'],
  nodes: [node('LeakyRelu', ['a'], ['t'], { alpha: { reference: 'slope' } }), node('Neg', ['t'], ['b'])],
};

describe('functions of a model', () => {
  it('are put in place of their calls, with the attributes of each', async () => {
    const nodes = [
      call('Leaky', ['x'], ['t'], { slope: { float: 0.5 } }),
      call('Leaky', ['t'], ['b'], { slope: { float: 0.25 } }),
      node('Add', ['b', 'x'], ['y']),
    ];
    await expectSame({ inputs: [X], outputs: [Y], nodes, functions: [LEAKY] });
  });

  it('take what a call leaves out from their defaults', async () => {
    const functions = [{ ...LEAKY, attributes: [], defaults: { slope: { float: 0.75 } } }];
    const nodes = [call('Leaky', ['x'], ['a']), call('Leaky', ['a'], ['y'], { slope: { float: 0.5 } })];
    await expectSame({ inputs: [X], outputs: [Y], nodes, functions });
  });

  it('call each other, leave out inputs, and give inputs and outputs twice', async () => {
    const outer: FunctionParts = {
      name: 'Outer',
      inputs: ['p', 'q', 'high'],
      outputs: ['same', 'twice', 'again'],
      nodes: [
        call('Leaky', ['p'], ['r'], { slope: { float: 0.5 } }),
        node('Clip', ['r', 'q', 'high'], ['twice']),
        node('Identity', ['p'], ['same']),
        node('Identity', ['twice'], ['again']),
      ],
    };
    const nodes = [call('Outer', ['x', '', 'top'], ['o', 'p', 'q']), node('Sum', ['o', 'p', 'q'], ['y'])];
    const constants = [{ name: 'top', shape: [], values: [0.5] }];
    await expectSame({ inputs: [X], outputs: [Y], nodes, constants, functions: [LEAKY, outer] });
  });

  it('show the way of the calls in names and origins', () => {
    const bytes = encodeModel({
      inputs: [X],
      outputs: [Y],
      nodes: [call('Leaky', ['x'], ['y'], { slope: { float: 1 } })],
      functions: [LEAKY],
    });
    const { layers } = importModel(bytes, { file: 'm', mode: 'inference' });
    expect(layers.at(-1)).toMatchObject({ origin: 'call_y/Neg#1', outputs: ['y'] });
  });

  it.each<[string, readonly FunctionParts[], RegExp]>([
    ['call themselves', [{ ...LEAKY, nodes: [call('Leaky', ['a'], ['b'])] }], /calls itself/],
    ['are defined twice', [LEAKY, LEAKY], /defined twice/],
    ['are called with more inputs than they have', [{ ...LEAKY, inputs: [] }], /called with more/],
    [
      'grow without end',
      Array.from({ length: 24 }, (_, i) => ({
        ...LEAKY,
        name: i === 0 ? 'Leaky' : `F${i}`,
        nodes: [call(`F${i + 1}`, ['a'], ['m']), call(`F${i + 1}`, ['m'], ['b'])],
      })),
      /more than 100000 nodes/,
    ],
  ])('are refused where they %s', (_name, functions, message) => {
    const bytes = encodeModel({ inputs: [X], outputs: [Y], nodes: [call('Leaky', ['x'], ['y'])], functions });
    expect(importProblems(bytes)).toMatchObject([{ code: 'BAD_FUNCTION', message: expect.stringMatching(message) }]);
  });

  it('of other domains are refused by name', () => {
    const nodes = [{ ...node('Relu', ['x'], ['t']), domain: 'ai.onnx.ml' }, call('Unknown', ['t'], ['y'])];
    const messages = importProblems(encodeModel({ inputs: [X], outputs: [Y], nodes })).map((p) => p.message);
    expect(messages).toEqual([expect.stringContaining('ai.onnx.ml.Relu'), expect.stringContaining(`${DOMAIN}.Unknown`)]);
  });
});

/** `If` that negates or scales what it captures. */
const choice = (condition: string, output = 'y'): OnnxNode =>
  node('If', [condition], [output], {
    then_branch: graph({ inputs: [], outputs: ['t'], nodes: [node('Relu', ['x'], ['r']), node('Neg', ['r'], ['t'])] }),
    else_branch: graph({
      inputs: [],
      outputs: ['e'],
      nodes: [node('Mul', ['x', 'two'], ['e'])],
      constants: [{ name: 'two', shape: [], values: [2] }],
    }),
  });

describe('If', () => {
  it.each([true, false])('of a constant condition (%s) is what it executes', async (condition) => {
    await expectSame({ inputs: [X], outputs: [Y], nodes: [choice('c')], tensors: [bool('c', condition)] });
  });

  it('of a condition on a shape is what it executes', async () => {
    const nodes = [
      node('Shape', ['x'], ['s'], { start: 1, end: 2 }),
      node('Squeeze', ['s'], ['n']),
      node('Equal', ['n', 'three'], ['c']),
      choice('c', 'z'),
      node('Add', ['z', 'x'], ['y']),
    ];
    await expectSame({ inputs: [X], outputs: [Y], nodes, constants: [int('three', 3)] });
  });

  it('within If, and of a branch that computes nothing', async () => {
    const inner: OnnxAttribute = graph({ inputs: [], outputs: ['z'], nodes: [choice('d', 'z')], tensors: [bool('d', false)] });
    const nodes = [node('If', ['c'], ['y'], { then_branch: inner, else_branch: inner })];
    await expectSame({ inputs: [X], outputs: [Y], nodes, tensors: [bool('c', true)] });
  });

  it('of a condition that the data decide is refused', () => {
    const nodes = [node('ReduceMax', ['x'], ['m'], { keepdims: 0 }), node('Cast', ['m'], ['c'], { to: 9 }), choice('c')];
    expect(summary(encodeModel({ inputs: [X], outputs: [Y], nodes })).length).toBeGreaterThan(0);
    expect(importProblems(encodeModel({ inputs: [X], outputs: [Y], nodes: [choice('x')] }))).toMatchObject([
      { code: 'UNSUPPORTED_OP', message: expect.stringContaining("If is not supported: its condition ('x') is not a constant") },
    ]);
  });

  it('reads undefined tensors in its branches with a message', () => {
    const bad = graph({ inputs: [], outputs: ['t'], nodes: [node('Relu', ['late'], ['t']), node('Relu', ['x'], ['late'])] });
    const nodes = [node('If', ['c'], ['y'], { then_branch: bad, else_branch: bad })];
    expect(summary(encodeModel({ inputs: [X], outputs: [Y], nodes, tensors: [bool('c', true)] }))).toEqual([
      'UNDEFINED_TENSOR If#0/Relu#0 If_0/late',
    ]);
  });
});

/** A loop that adds x to what it carries and scales it by the number of the iteration, while `goes` says so. */
const loop = (inputs: string[], outputs: string[], goes: OnnxNode): OnnxNode =>
  node('Loop', inputs, outputs, {
    body: graph({
      inputs: [
        { name: 'i', shape: [], integer: true },
        { name: 'go', shape: [], bool: true },
        { name: 'before', shape: X.shape },
      ],
      outputs: [
        { name: 'again', shape: [], bool: true },
        { name: 'after', shape: X.shape },
      ],
      nodes: [node('Cast', ['i'], ['f'], { to: 1 }), node('Mul', ['before', 'f'], ['m']), node('Add', ['m', 'x'], ['after']), goes],
      constants: goes.inputs.includes('last') ? [int('last', 2)] : [],
    }),
  });

describe('Loop', () => {
  it.each([0, 1, 4])('of %i iterations is unrolled', async (count) => {
    const nodes = [loop(['n', '', 'x'], ['z'], node('Identity', ['go'], ['again'])), node('Add', ['z', 'x'], ['y'])];
    await expectSame({ inputs: [X], outputs: [Y], nodes, constants: [int('n', count)] });
  });

  it('ends where its condition does', async () => {
    const nodes = [loop(['', 'c', 'x'], ['z'], node('Less', ['i', 'last'], ['again'])), node('Neg', ['z'], ['y'])];
    await expectSame({ inputs: [X], outputs: [Y], nodes, tensors: [bool('c', true)] });
  });

  it.each<[string, OnnxNode, RegExp]>([
    ['a trip count that the data decide', loop(['x', '', 'x'], ['y'], node('Identity', ['go'], ['again'])), /trip count \('x'\)/],
    ['no end', loop(['', '', 'x'], ['y'], node('Identity', ['go'], ['again'])), /more than 4096 nodes/],
    ['too many iterations', loop(['n', '', 'x'], ['y'], node('Identity', ['go'], ['again'])), /more than 4096 nodes/],
    ['values of every iteration', loop(['n', '', 'x'], ['y', 'all'], node('Identity', ['go'], ['again'])), /every iteration/],
  ])('of %s is refused', (_name, l, message) => {
    const bytes = encodeModel({ inputs: [X], outputs: ['y'], nodes: [l], constants: [int('n', 5000)] });
    expect(importProblems(bytes)).toMatchObject([{ code: 'UNSUPPORTED_OP', message: expect.stringMatching(message) }]);
  });
});

it('Scan is refused with its reason', () => {
  const body = graph({ inputs: [X], outputs: [Y], nodes: [node('Relu', ['x'], ['y'])] });
  const bytes = encodeModel({ inputs: [X], outputs: ['y'], nodes: [node('Scan', ['x'], ['y'], { body, num_scan_inputs: 1 })] });
  expect(importProblems(bytes)).toMatchObject([{ code: 'UNSUPPORTED_OP', message: expect.stringContaining('slices') }]);
});

it('a quantized model is refused by one message', () => {
  const nodes = [
    node('QuantizeLinear', ['x', 's'], ['q'], {}, 'first'),
    node('DequantizeLinear', ['q', 's'], ['d']),
    node('Conv', ['d', 'w'], ['c']),
    { ...node('QGemm', ['c'], ['g']), domain: 'com.microsoft' },
    node('QuantizeLinear', ['g', 's'], ['h']),
    node('DequantizeLinear', ['h', 's'], ['y']),
  ];
  const { INT8 } = onnxProto.onnx.TensorProto.DataType;
  const tensors = [{ name: 'w', dims: [3, 3, 1, 1], dataType: INT8, rawData: new Uint8Array(9) }];
  expect(
    importProblems(encodeModel({ inputs: [X], outputs: ['y'], nodes, constants: [{ name: 's', shape: [], values: [1] }], tensors })),
  ).toMatchObject([
    {
      code: 'QUANTIZED',
      message: expect.stringContaining('2 QuantizeLinear, 2 DequantizeLinear, 1 Conv by int8, 1 QGemm'),
      place: { node: 'first' },
    },
  ]);
});
