import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { encodeModel, type ModelParts, type OnnxConstant, type OnnxNode } from '../onnx-model.ts';
import { importProblems, summary } from './problems.ts';

const X = { name: 'x', shape: [2, 3, 4, 4] };
const node = (name: string, op: string, inputs: string[], output: string, attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  name,
  op,
  inputs,
  outputs: [output],
  attributes,
});
const model = (nodes: OnnxNode[], more: Partial<ModelParts> = {}): Uint8Array =>
  encodeModel({ inputs: [X], nodes, outputs: ['y'], ...more });
const ones = (name: string, ...shape: number[]): OnnxConstant => ({
  name,
  shape,
  values: new Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1),
});
const ints = (name: string, ...values: number[]): OnnxConstant => ({ name, shape: [values.length], values, integer: true });
const relu = node('r', 'Relu', ['x'], 'y');
const good = model([relu]);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

describe('files that are no models', () => {
  it.each([
    ['an empty file', new Uint8Array(), ['NOT_ONNX']],
    ['text', text('{"model": 1}'), ['NOT_ONNX']],
    ['a pointer of Git LFS', text('version https://git-lfs.github.com/spec/v1\n'), ['NOT_ONNX']],
    ['a graph cut off', good.subarray(0, good.length - 9), ['TRUNCATED']],
    ['a model without a graph', Uint8Array.of(8, 8), ['NO_GRAPH']],
    ['a graph without outputs', model([relu], { outputs: [] }), ['NO_GRAPH']],
    ['an older operator set', model([relu], { opset: 5 }), ['UNSUPPORTED_OPSET']],
    ['a newer operator set', model([relu], { opset: 29 }), ['UNSUPPORTED_OPSET']],
  ])('%s', (_name, bytes, expected) => {
    expect(summary(bytes)).toEqual(expected);
  });

  it('name the file, and say what to do', () => {
    expect(importProblems(text('PK'), { file: 'a.zip' })).toMatchObject([{ place: { file: 'a.zip' }, hint: expect.any(String) }]);
  });

  it('are refused wherever they are cut', () => {
    for (let length = 0; length < good.length; length++) {
      expect(importProblems(good.subarray(0, length)).map((p) => p.code)).toEqual([
        expect.stringMatching(/^(NOT_ONNX|TRUNCATED|NO_GRAPH|UNSUPPORTED_OPSET)$/),
      ]);
    }
  });

  it('are refused or imported soundly, however their bytes are altered', () => {
    const nodes = [
      node('c', 'Conv', ['x', 'w', 'b'], 'c', { pads: [1, 1, 1, 1] }),
      node('p', 'MaxPool', ['c'], 'p', { kernel_shape: [2, 2], strides: [2, 2] }),
      node('s', 'ConstantOfShape', ['size'], 's'),
      node('a', 'Add', ['p', 's'], 'a'),
      node('f', 'Reshape', ['a', 'target'], 'f'),
      node('g', 'Gemm', ['f', 'v'], 'y'),
    ];
    const bytes = model(nodes, {
      constants: [ones('w', 4, 3, 3, 3), ones('b', 4), ones('v', 16, 5), ints('size', 4, 1, 1), ints('target', 0, -1)],
    });
    expect(summary(bytes)).toEqual([]);
    const edit = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), fc.constantFrom('training', 'inference'), (edits, mode) => {
        const altered = bytes.slice();
        for (const [at, value] of edits) altered[at] = value;
        if (importProblems(altered, { mode }).length === 0) expect(verify(importModel(altered, { file: 'm', mode }))).toEqual([]);
      }),
      { numRuns: 5000, seed: 1 },
    );
  });
});

describe('graphs', () => {
  it.each<[string, Uint8Array, string[]]>([
    ['a cycle', model([node('a', 'Add', ['x', 'c'], 'b'), node('b', 'Relu', ['b'], 'c'), node('e', 'Relu', ['c'], 'y')]), ['CYCLIC_GRAPH']],
    ['a tensor that nothing gives', model([node('a', 'Add', ['x', 'z'], 'y')]), ['UNDEFINED_TENSOR a z']],
    ['an output that nothing gives', model([relu], { outputs: ['y', 'q'] }), ['UNDEFINED_TENSOR q']],
    ['a tensor given twice', model([relu, node('s', 'Relu', ['x'], 'y')]), ['DUPLICATE_PRODUCER s y']],
    ['a node that overwrites an input', model([relu, node('s', 'Relu', ['y'], 'x')]), ['DUPLICATE_PRODUCER s x']],
    ['an initializer given twice', model([relu], { constants: [ones('w', 1), ones('w', 1)] }), ['DUPLICATE_PRODUCER w']],
    [
      'an output that depends on nothing',
      model([relu, node('i', 'Identity', ['w'], 'z')], { outputs: ['y', 'z'], constants: [ones('w', 1)] }),
      ['CONSTANT_OUTPUT z'],
    ],
    [
      'an initializer of the wrong size',
      model([node('a', 'Add', ['x', 'w'], 'y')], { constants: [{ ...ones('w', 3), shape: [4] }] }),
      ['BAD_CONSTANT w'],
    ],
    [
      'an initializer of negative size',
      model([node('a', 'Add', ['x', 'w'], 'y')], { constants: [{ ...ones('w', 3), shape: [-3] }] }),
      ['BAD_CONSTANT w'],
    ],
    ['integers as a weight', model([node('a', 'Add', ['x', 'w'], 'y')], { constants: [ints('w', 1)] }), ['UNSUPPORTED_TYPE a w']],
    ['an integer input', model([relu], { inputs: [{ ...X, integer: true }] }), ['UNSUPPORTED_TYPE x']],
    ['an empty input', model([relu], { inputs: [{ name: 'x', shape: [2, 0] }] }), ['BAD_INPUT x']],
    [
      'symbolic dimensions',
      model([relu], { inputs: [{ name: 'x', shape: ['n', 3, 'h', 4] }] }),
      ['UNBOUND_DIMENSION x', 'UNBOUND_DIMENSION x'],
    ],
    ['channels that contradict', model([node('c', 'Conv', ['x', 'w'], 'y')], { constants: [ones('w', 4, 2, 1, 1)] }), ['BAD_SHAPE c']],
    [
      'kernel_shape that contradicts',
      model([node('c', 'Conv', ['x', 'w'], 'y', { kernel_shape: [2, 2] })], { constants: [ones('w', 4, 3, 1, 1)] }),
      ['BAD_SHAPE c'],
    ],
    ['a window larger than the image', model([node('p', 'MaxPool', ['x'], 'y', { kernel_shape: [5, 5] })]), ['BAD_SHAPE p']],
    ['a Reshape to other elements', model([node('s', 'Reshape', ['x', 't'], 'y')], { constants: [ints('t', 2, 7)] }), ['BAD_SHAPE s']],
    ['a declared output that contradicts', model([relu], { outputs: [{ name: 'y', shape: [2, 3, 4, 5] }] }), ['SHAPE_CONTRADICTION r y']],
    [
      'a declared tensor of another rank',
      model([relu, node('s', 'Relu', ['y'], 'z')], { outputs: ['z'], declared: [{ name: 'y', shape: [2, 3] }] }),
      ['SHAPE_CONTRADICTION r y'],
    ],
    ['a declared type that contradicts', model([relu], { outputs: [{ ...X, name: 'y', integer: true }] }), ['UNSUPPORTED_TYPE r y']],
    ['an attribute of another type', model([node('p', 'MaxPool', ['x'], 'y', { kernel_shape: 2 })]), ['BAD_ATTRIBUTE p']],
    ['a missing attribute', model([node('p', 'MaxPool', ['x'], 'y')]), ['BAD_ATTRIBUTE p']],
    ['a stride of 0', model([node('p', 'MaxPool', ['x'], 'y', { kernel_shape: [1, 1], strides: [0, 1] })]), ['BAD_ATTRIBUTE p']],
    ['too few inputs', model([node('c', 'Conv', ['x'], 'y')]), ['BAD_SHAPE c']],
    [
      'a weight that is an input',
      model([node('c', 'Conv', ['x', 'w'], 'y')], { inputs: [X, { name: 'w', shape: [2, 3, 1, 1] }] }),
      ['UNSUPPORTED_ATTRIBUTE c'],
    ],
  ])('%s', (_name, bytes, expected) => {
    expect(summary(bytes)).toEqual(expected);
  });

  it('name the nodes of a cycle in order', () => {
    const nodes = [node('first', 'Add', ['x', 'c'], 'b'), node('second', 'Relu', ['b'], 'c'), node('third', 'Relu', ['c'], 'y')];
    expect(importProblems(model(nodes))[0]?.message).toContain("'first' -> 'second'");
  });

  it('list everything that is not supported at once, by node name', () => {
    const nodes = [
      node('most', 'ArgMax', ['x'], 'a'),
      node('conv', 'Conv', ['a', 'w'], 'b', { strange: 1 }),
      { ...node('custom', 'Relu', ['b'], 'c'), domain: 'com.example' },
      node('pool', 'MaxPool', ['x'], 'd', { kernel_shape: [2, 2], pads: [0, 0, -1, 0] }),
      node('', 'OneHot', ['c'], 'e'),
      node('dead', 'Tanh', ['x'], 'f'),
      node('sum', 'Sum', ['d', 'e'], 'y'),
    ];
    expect(summary(model(nodes, { constants: [ones('w', 3, 3, 1, 1)] }))).toEqual([
      'UNSUPPORTED_OP most',
      'UNSUPPORTED_ATTRIBUTE conv',
      'UNSUPPORTED_OP custom',
      'UNSUPPORTED_ATTRIBUTE pool',
      'UNSUPPORTED_OP OneHot#4',
    ]);
  });

  it('need no input that is not used', () => {
    const bytes = model([relu], { inputs: [X, { name: 'labels', shape: ['n'], integer: true }] });
    expect(importModel(bytes, { file: 'm', mode: 'inference' }).inputs).toEqual(['x']);
  });

  it('refuse the use of a second output', () => {
    const pool: OnnxNode = { ...node('p', 'MaxPool', ['x'], 'y', { kernel_shape: [2, 2] }), outputs: ['y', 'indices'] };
    expect(summary(model([pool]))).toEqual([]);
    expect(summary(model([pool], { outputs: ['y', 'indices'] }))).toEqual(['UNSUPPORTED_ATTRIBUTE p']);
  });

  it('are sorted where the file has them out of order', () => {
    const graph = importModel(model([node('b', 'Relu', ['a'], 'y'), node('a', 'Relu', ['x'], 'a')]), { file: 'm', mode: 'training' });
    expect(graph.layers.map((l) => l.name)).toEqual(['a', 'b']);
  });
});

describe('models that mix what lies along dimension 0', () => {
  const conv = (...nodes: OnnxNode[]): Uint8Array =>
    model([node('c', 'Conv', ['x', 'w'], 'c'), ...nodes], { constants: [ones('w', 4, 3, 1, 1), ints('t', 4, -1)] });

  it.each<[string, Uint8Array, string[], number[]]>([
    ['a scalar input', model([relu], { inputs: [{ name: 'x', shape: [] }] }), ['NO_MINI_BATCH x'], [1]],
    [
      'inputs of different first dimensions',
      model([node('a', 'Add', ['x', 'z'], 'y')], { inputs: [X, { name: 'z', shape: [4, 4] }] }),
      ['NO_MINI_BATCH'],
      [1, 2, 3, 4, 4],
    ],
    ['a Reshape', model([node('s', 'Reshape', ['x', 't'], 'y')], { constants: [ints('t', 4, -1)] }), ['MIXES_SAMPLES s'], [1, 4, 24]],
    ['a Flatten', model([node('s', 'Flatten', ['x'], 'y', { axis: 2 })]), ['MIXES_SAMPLES s'], [1, 6, 16]],
    ['a Transpose', model([node('s', 'Transpose', ['x'], 'y', { perm: [1, 0, 2, 3] })]), ['MIXES_SAMPLES s'], [1, 3, 2, 4, 4]],
    ['a sum over all', model([node('s', 'ReduceSum', ['x'], 'y', { keepdims: 0 })], { opset: 11 }), ['MIXES_SAMPLES s'], [1]],
  ])('%s: one sample in inference, refused in training and at a mini-batch of choice', (_name, bytes, expected, shape) => {
    const graph = importModel(bytes, { file: 'm', mode: 'inference' });
    expect([graph.batch, graph.tensors.get('y')?.type.shape]).toEqual([1, shape]);
    expect(summary(bytes, { mode: 'training' })).toEqual(expected);
    if (!expected[0]?.startsWith('NO_MINI_BATCH')) expect(summary(bytes, { batch: 2 })).toEqual(expected);
  });

  it('are refused where another operator needs samples', () => {
    expect(summary(conv(node('s', 'Reshape', ['c', 't'], 'y')))).toEqual(['MIXES_SAMPLES s']);
  });
});

describe('options', () => {
  const symbolic = model([relu], { inputs: [{ name: 'x', shape: ['n', 3, 'h', 'h'] }] });

  it('bind dimensions by name', () => {
    const graph = importModel(symbolic, { file: 'm', mode: 'inference', batch: 2, bind: { h: 5 } });
    expect(graph.tensors.get('y')?.type.shape).toEqual([2, 3, 5, 5]);
    expect(importProblems(symbolic, { bind: { h: 5 } })).toMatchObject([
      { code: 'UNBOUND_DIMENSION', place: { tensor: 'x' }, hint: expect.stringContaining('--batch') },
    ]);
    expect(importProblems(symbolic, { batch: 2 })[0]?.hint).toContain('--bind h=');
  });

  it('are checked', () => {
    expect(summary(symbolic, { batch: 0, bind: { h: -1, w: 2 } })).toEqual(['USAGE', 'USAGE', 'USAGE']);
    expect(summary(symbolic, { batch: 1.5 })).toEqual(['USAGE']);
  });
});

describe('weights that several nodes use', () => {
  const tied = (second: string): Uint8Array =>
    model([node('a', 'Conv', ['x', 'w'], 'a'), node('i', 'Identity', ['w'], 'copy'), node('b', 'Conv', ['a', second], 'y')], {
      constants: [ones('w', 3, 3, 1, 1)],
    });

  it('are one parameter in inference, and refused in training', () => {
    const graph = importModel(tied('w'), { file: 'm', mode: 'inference' });
    expect([...graph.tensors.values()].filter((t) => t.kind === 'weight')).toHaveLength(1);
    expect(importProblems(tied('w'), { mode: 'training' })).toMatchObject([{ code: 'SHARED_WEIGHT', place: { node: 'b', tensor: 'w' } }]);
  });

  it('are parameters apart behind an Identity', () => {
    const graph = importModel(tied('copy'), { file: 'm', mode: 'training' });
    expect(graph.layers.map((l) => l.inputs[1])).toEqual(['w', 'copy']);
  });
});

describe('shapes that assume the mini-batch of the export', () => {
  const reshape = (exported: number, ...target: number[]): Uint8Array =>
    model([node('s', 'Reshape', ['x', 't'], 'y')], { inputs: [{ ...X, shape: [exported, 3, 4, 4] }], constants: [ints('t', ...target)] });

  it.each([
    [1, [1, -1], [8, 48]],
    [1, [1, 48], [8, 48]],
    [1, [-1, 48], [8, 48]],
    [2, [2, 12, -1], [8, 12, 4]],
    [2, [-1, 12, 4], [8, 12, 4]],
    [1, [0, 48], [8, 48]],
  ])('exported at %i, reshaped to %j', (exported, target, expected) => {
    expect(importModel(reshape(exported, ...target), { file: 'm', mode: 'inference', batch: 8 }).tensors.get('y')?.type.shape).toEqual(
      expected,
    );
  });

  it('do not count as the mini-batch where they are something else', () => {
    expect(summary(reshape(1, 8, -1), { batch: 8 })).toEqual(['MIXES_SAMPLES s']);
  });
});

describe('operator set 6', () => {
  it('broadcasts along a stated axis, and takes Dropout as it was', () => {
    const nodes = [
      node('c', 'Conv', ['x', 'w'], 'c'),
      node('a', 'Add', ['c', 'b'], 'a', { broadcast: 1, axis: 1 }),
      node('d', 'Dropout', ['a'], 'y', { ratio: { float: 0.25 }, is_test: 0 }),
    ];
    const graph = importModel(model(nodes, { constants: [ones('w', 4, 3, 1, 1), ones('b', 4)], opset: 6 }), {
      file: 'm',
      mode: 'training',
    });
    expect(verify(graph)).toEqual([]);
    expect(graph.layers.map((l) => [l.kind, ...l.inputs])).toEqual([
      ['conv', 'x', 'w', 'b'],
      ['dropout', 'a'],
    ]);
    expect(graph.layers[1]?.attrs.ratio).toBe(0.25);
  });
});
