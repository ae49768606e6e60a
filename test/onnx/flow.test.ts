import onnxProto, { type onnx as proto } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { difference, spread } from '../ir/values.ts';
import { runOnnx } from '../onnx-model.ts';
import { summary } from './problems.ts';

const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { AttributeType } = AttributeProto;

const node = (op: string, inputs: string[], outputs: string[], attribute: proto.IAttributeProto[] = [], domain = ''): proto.INodeProto => ({
  opType: op,
  input: inputs,
  output: outputs,
  attribute,
  name: outputs[0] ?? op,
  domain,
});
const graphAttribute = (name: string, g: proto.IGraphProto): proto.IAttributeProto => ({ name, type: AttributeType.GRAPH, g });
const int64 = (name: string, ...values: number[]): proto.ITensorProto => ({
  name,
  dims: [],
  dataType: TensorProto.DataType.INT64,
  rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
const bool = (name: string, value: boolean): proto.ITensorProto => ({
  name,
  dims: [],
  dataType: TensorProto.DataType.BOOL,
  int32Data: [value ? 1 : 0],
});
const typed = (name: string, elemType: number, ...shape: number[]): proto.IValueInfoProto => ({
  name,
  type: { tensorType: { elemType, shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
});
const float = (name: string, ...shape: number[]): proto.IValueInfoProto => typed(name, TensorProto.DataType.FLOAT, ...shape);

const SHAPE = [2, 3, 4];

function model(graph: proto.IGraphProto, more: proto.IModelProto = {}): Uint8Array {
  const whole = { name: 'g', input: [float('x', ...SHAPE)], output: [float('y', ...SHAPE)], ...graph };
  return ModelProto.encode({ irVersion: 8, opsetImport: [{ version: 17 }], graph: whole, ...more }).finish();
}

/** The imported model computes what the ONNX runtime computes. */
async function expectAgreement(bytes: Uint8Array): Promise<void> {
  const x = spread(24, 3);
  const graph = importModel(bytes, { file: 'm', mode: 'inference' });
  expect(verify(graph)).toEqual([]);
  const [expected = new Float64Array()] = await runOnnx(bytes, [{ name: 'x', shape: SHAPE }], [x]);
  expect(difference(evaluate(graph, new Map([['x', x]])).get('y') ?? new Float64Array(), expected)).toBeLessThan(1e-5);
}

const branchOf = (op: string, output: string): proto.IGraphProto => ({
  name: op,
  node: [node(op, ['x'], [output])],
  output: [float(output, ...SHAPE)],
});
const choice = (condition: string): proto.INodeProto =>
  node(
    'If',
    [condition],
    ['y'],
    [graphAttribute('then_branch', branchOf('Relu', 't')), graphAttribute('else_branch', branchOf('Tanh', 'e'))],
  );

/** x doubled and shifted, round after round. */
const body: proto.IGraphProto = {
  name: 'body',
  input: [typed('i', TensorProto.DataType.INT64), typed('go', TensorProto.DataType.BOOL), float('v', ...SHAPE)],
  initializer: [{ name: 'two', dims: [], dataType: TensorProto.DataType.FLOAT, floatData: [2] }],
  node: [
    node('Identity', ['go'], ['go_on']),
    node('Cast', ['i'], ['f'], [{ name: 'to', type: AttributeType.INT, i: TensorProto.DataType.FLOAT }]),
    node('Mul', ['v', 'two'], ['m']),
    node('Add', ['m', 'f'], ['w']),
  ],
  output: [typed('go_on', TensorProto.DataType.BOOL), float('w', ...SHAPE)],
};
const loop = (rounds: string): proto.INodeProto => node('Loop', [rounds, '', 'x'], ['y'], [graphAttribute('body', body)]);

describe('branches', () => {
  it.each([true, false])('are the nodes of the branch taken (%s)', async (taken) => {
    const bytes = model({ initializer: [bool('c', taken)], node: [choice('c')] });
    expect(importModel(bytes, { file: 'm', mode: 'inference' }).layers.map((l) => l.kind)).toContain(taken ? 'relu' : 'unary');
    await expectAgreement(bytes);
  });

  it('may hang on shapes', async () => {
    const nodes = [node('Shape', ['x'], ['s']), node('Size', ['s'], ['n']), node('Equal', ['n', 'three'], ['c']), choice('c')];
    await expectAgreement(model({ initializer: [int64('three', 3)], node: nodes }));
  });

  it('are refused by name where the condition is data', () => {
    const bytes = model({ input: [float('x', ...SHAPE), float('c', 2)], node: [choice('c')] });
    expect(summary(bytes)).toEqual(['UNSUPPORTED_OP y']);
  });

  it('must not read what nothing gives', () => {
    const then: proto.IGraphProto = { name: 't', node: [node('Add', ['x', 'missing'], ['t'])], output: [float('t', ...SHAPE)] };
    const nodes = [node('If', ['c'], ['y'], [graphAttribute('then_branch', then), graphAttribute('else_branch', branchOf('Relu', 'e'))])];
    expect(summary(model({ initializer: [bool('c', true)], node: nodes }))).toEqual(['UNDEFINED_TENSOR y missing']);
  });
});

describe('loops', () => {
  it('are the nodes of their rounds', async () => {
    const bytes = model({ initializer: [int64('n', 3)], node: [loop('n')] });
    await expectAgreement(bytes);
  });

  it('are refused where the number of rounds is data, or more than anybody unrolls', () => {
    expect(summary(model({ input: [float('x', ...SHAPE), float('n', 2)], node: [loop('n')] }))).toEqual(['UNSUPPORTED_OP y']);
    expect(summary(model({ initializer: [int64('n', 1e6)], node: [loop('n')] }))).toEqual(['UNSUPPORTED_OP y']);
  });
});

describe('functions of the model', () => {
  const functions: proto.IFunctionProto[] = [
    {
      name: 'Leaky',
      domain: 'own',
      input: ['a'],
      output: ['b'],
      attribute: ['slope'],
      node: [
        node('LeakyRelu', ['a'], ['inner'], [{ name: 'alpha', refAttrName: 'slope', type: AttributeType.FLOAT }]),
        node('Neg', ['inner'], ['b']),
      ],
      opsetImport: [{ version: 17 }],
    },
    {
      name: 'Twice',
      domain: 'own',
      input: ['a'],
      output: ['c'],
      node: [
        node('Leaky', ['a'], ['b'], [{ name: 'slope', type: AttributeType.FLOAT, f: 0.5 }], 'own'),
        node('Leaky', ['b'], ['c'], [], 'own'),
      ],
      opsetImport: [{ version: 17 }, { domain: 'own', version: 1 }],
    },
  ];
  const opsetImport = [{ version: 17 }, { domain: 'own', version: 1 }];

  it('are the nodes that they hold, attributes of the caller in place', async () => {
    await expectAgreement(model({ node: [node('Twice', ['x'], ['y'], [], 'own')] }, { functions, opsetImport }));
  });

  it('are refused where they call themselves', () => {
    const own = [{ name: 'Leaky', domain: 'own', input: ['a'], output: ['b'], node: [node('Leaky', ['a'], ['b'], [], 'own')] }];
    expect(summary(model({ node: [node('Leaky', ['x'], ['y'], [], 'own')] }, { functions: own, opsetImport }))[0]).toMatch(
      /^UNSUPPORTED_OP/,
    );
  });
});
