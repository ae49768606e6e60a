import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { difference, spread } from '../ir/values.ts';
import { encodeModel, type ModelParts, type OnnxConstant, type OnnxNode, runOnnx } from '../onnx-model.ts';

type Case = readonly [name: string, parts: Omit<ModelParts, 'inputs' | 'outputs'> & { readonly shape?: readonly number[] }];

/** A constant of reproducible values. */
function weights(name: string, ...shape: number[]): OnnxConstant {
  return { name, shape, values: Array.from(spread(elementCount(shape), name.length + shape.length)) };
}

const ints = (name: string, ...values: number[]): OnnxConstant => ({ name, shape: [values.length], values, integer: true });

const node = (op: string, inputs: string, attributes: OnnxNode['attributes'] = {}, output = 'y'): OnnxNode => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attributes,
});

/** One node over x, and constants. */
const single = (
  name: string,
  op: string,
  attributes: OnnxNode['attributes'],
  constants: OnnxConstant[],
  shape?: readonly number[],
  opset = 17,
): Case => [
  name,
  { nodes: [node(op, ['x', ...constants.map((c) => c.name)].join(' '), attributes)], constants, opset, ...(shape ? { shape } : {}) },
];

const pool = (kernel: number, stride: number, more: OnnxNode['attributes'] = {}): OnnxNode['attributes'] => ({
  kernel_shape: [kernel, kernel],
  strides: [stride, stride],
  ...more,
});

const POOLS: Case[] = ['MaxPool', 'AveragePool'].flatMap((op) => [
  single(`${op}`, op, pool(2, 2), []),
  single(`${op} with default strides`, op, { kernel_shape: [3, 2] }, []),
  single(`${op} padded`, op, pool(3, 2, { pads: [1, 0, 1, 2] }), []),
  single(`${op} rounded up`, op, pool(3, 2, { ceil_mode: 1 }), [], [2, 3, 6, 8]),
  single(`${op} rounded up without effect`, op, pool(3, 2, { ceil_mode: 1 }), [], [2, 3, 7, 7]),
  single(`${op} rounded up and padded`, op, pool(3, 2, { ceil_mode: 1, pads: [1, 1, 1, 1] }), [], [2, 3, 6, 8]),
  single(`${op} rounded up, last window beginning in the padding`, op, pool(1, 2, { ceil_mode: 1 }), [], [2, 3, 6, 6]),
  single(`${op} rounded up, last window in the padding at the end`, op, pool(2, 3, { ceil_mode: 1, pads: [0, 0, 1, 1] }), [], [2, 3, 6, 6]),
  single(`${op} SAME_UPPER`, op, pool(3, 2, { auto_pad: 'SAME_UPPER' }), [], [2, 3, 6, 7]),
  single(`${op} SAME_LOWER`, op, pool(2, 1, { auto_pad: 'SAME_LOWER' }), [], [2, 3, 6, 7]),
  single(`${op} VALID, rounded up`, op, pool(3, 2, { auto_pad: 'VALID', ceil_mode: 1 }), [], [2, 3, 6, 7]),
  single(`${op} VALID`, op, pool(3, 2, { auto_pad: 'VALID' }), [], [2, 3, 6, 7]),
]);

const CASES: Case[] = [
  ...POOLS,
  single('MaxPool dilated', 'MaxPool', pool(2, 1, { dilations: [2, 3] }), []),
  single('AveragePool counting the padding', 'AveragePool', pool(3, 2, { count_include_pad: 1, pads: [1, 1, 1, 1] }), []),
  single(
    'AveragePool counting no padding, rounded up',
    'AveragePool',
    pool(3, 2, { count_include_pad: 1, ceil_mode: 1 }),
    [],
    [2, 3, 6, 8],
    19,
  ),
  single('AveragePool counting the padding of SAME_UPPER', 'AveragePool', pool(3, 2, { count_include_pad: 1, auto_pad: 'SAME_UPPER' }), []),
  single('GlobalAveragePool', 'GlobalAveragePool', {}, []),
  single('ReduceMean of the image', 'ReduceMean', { axes: [2, 3] }, []),
  single('ReduceMean of the image, dimensions dropped', 'ReduceMean', { axes: [-1, -2], keepdims: 0 }, []),
  single('ReduceMean of rows', 'ReduceMean', { axes: [2], keepdims: 0 }, []),
  single('ReduceMean with axes as input', 'ReduceMean', { keepdims: 0 }, [ints('a', 2, 3)], undefined, 18),
  single('Conv', 'Conv', { pads: [1, 1, 1, 1], strides: [2, 1] }, [weights('w', 4, 3, 3, 3), weights('b', 4)]),
  single('Conv grouped and dilated', 'Conv', { group: 3, dilations: [2, 1], kernel_shape: [2, 3] }, [weights('w', 6, 1, 2, 3)]),
  single('Conv SAME_UPPER', 'Conv', { auto_pad: 'SAME_UPPER', strides: [2, 2] }, [weights('w', 4, 3, 2, 3)]),
  single('Conv SAME_LOWER', 'Conv', { auto_pad: 'SAME_LOWER' }, [weights('w', 4, 3, 2, 2)]),
  single('BatchNormalization', 'BatchNormalization', { epsilon: { float: 1e-3 } }, [
    weights('g', 3),
    weights('b', 3),
    weights('m', 3),
    { name: 'v', shape: [3], values: [0.5, 1, 2] },
  ]),
  single('LRN of odd size', 'LRN', { size: 3, alpha: { float: 0.1 }, bias: { float: 2 } }, [], [2, 7, 3, 3]),
  single('Relu', 'Relu', {}, []),
  single('Gemm', 'Gemm', { alpha: { float: 0.5 }, beta: { float: 2 } }, [weights('w', 5, 4), weights('c', 4)], [2, 5]),
  single('Gemm with transposed weight', 'Gemm', { transB: 1, alpha: { float: 3 } }, [weights('w', 4, 5), weights('c', 1, 4)], [2, 5]),
  single('Gemm without addend', 'Gemm', { transB: 1 }, [weights('w', 4, 5)], [2, 5]),
  single('Gemm with one addend for all', 'Gemm', {}, [weights('w', 5, 4), { name: 'c', shape: [1], values: [3] }], [2, 5]),
  single('MatMul', 'MatMul', {}, [weights('w', 5, 4)], [2, 5]),
  single('Softmax of operator set 11', 'Softmax', {}, [], [2, 5], 11),
  single('Softmax of operator set 11 flattens', 'Softmax', { axis: 1 }, [], [2, 3, 2, 2], 11),
  single('Softmax of operator set 13', 'Softmax', {}, [], [2, 5], 13),
  single('Softmax over channels of one pixel', 'Softmax', { axis: 1 }, [], [2, 5, 1, 1], 13),
  single('LogSoftmax', 'LogSoftmax', { axis: -1 }, [], [2, 5], 13),
  single('Add of a constant for each channel', 'Add', {}, [weights('c', 3, 1, 1)]),
  single('Add of one constant', 'Add', {}, [{ name: 'c', shape: [], values: [2] }]),
  single('Sub of a constant', 'Sub', {}, [weights('c', 1, 3, 1, 1)]),
  single('Mul by a constant for each channel', 'Mul', {}, [weights('c', 3, 1, 1)]),
  single('Mul of a matrix by a row', 'Mul', {}, [weights('c', 4)], [2, 4]),
  single('Div by a constant', 'Div', {}, [{ name: 'c', shape: [], values: [4] }]),
  ['Sub from a constant', { nodes: [node('Sub', 'c x')], constants: [weights('c', 3, 1, 1)] }],
  ['Mul with the constant first', { nodes: [node('Mul', 'c x')], constants: [weights('c', 3, 1, 1)] }],
  [
    'Add, Sum and Mul of activations',
    { nodes: [node('Relu', 'x', {}, 'r'), node('Add', 'x r', {}, 'a'), node('Sum', 'a x r', {}, 's'), node('Mul', 's r')] },
  ],
  ['Sum of one', { nodes: [node('Relu', 'x', {}, 'r'), node('Sum', 'r')] }],
  ['Concat', { nodes: [node('Relu', 'x', {}, 'r'), node('Concat', 'x r x', { axis: -3 })] }],
  [
    'MatMul and Add',
    { nodes: [node('MatMul', 'x w', {}, 'm'), node('Add', 'b m')], constants: [weights('w', 5, 4), weights('b', 4)], shape: [2, 5] },
  ],
  [
    'Conv and Add',
    { nodes: [node('Conv', 'x w', {}, 'm'), node('Add', 'm b')], constants: [weights('w', 4, 3, 1, 1), weights('b', 4, 1, 1)] },
  ],
  ['Identity at the output', { nodes: [node('Relu', 'x', {}, 'r'), node('Identity', 'r')] }],
  ['Dropout does nothing', { nodes: [node('Dropout', 'x', {}, 'd'), node('Relu', 'd')] }],
  single('Flatten', 'Flatten', {}, []),
  single('Flatten behind dimensions of 1', 'Flatten', { axis: 3 }, [], [2, 1, 1, 6]),
  single('Reshape', 'Reshape', {}, [ints('s', 0, -1)]),
  single('Reshape with the mini-batch', 'Reshape', {}, [ints('s', 2, 3, -1)]),
  single('Squeeze', 'Squeeze', {}, [ints('a', 2, 3)], [2, 5, 1, 1]),
  single('Squeeze of operator set 11', 'Squeeze', { axes: [-1] }, [], [2, 5, 1, 1], 11),
  single('Unsqueeze', 'Unsqueeze', {}, [ints('a', 2, -1)], [2, 5]),
  single('Transpose that moves nothing', 'Transpose', { perm: [0, 2, 3, 1] }, [], [2, 5, 1, 1]),
  single('Transpose of one channel', 'Transpose', { perm: [0, 2, 1, 3] }, [], [2, 1, 5, 3]),
  [
    'Reshape by arithmetic on Shape',
    {
      nodes: [
        node('Shape', 'x', {}, 'shape'),
        node('Gather', 'shape zero', { axis: 0 }, 'n'),
        node('Unsqueeze', 'n axis', {}, 'n1'),
        node('Slice', 'shape from to axis', {}, 'rest'),
        node('Constant', '', { value: { tensor: ints('', 1, 2) } }, 'two'),
        node('Mul', 'rest two', {}, 'twice'),
        node('Div', 'twice two', {}, 'once'),
        node('Gather', 'once zero', { axis: 0 }, 'c'),
        node('Unsqueeze', 'c axis', {}, 'c1'),
        node('Concat', 'n1 c1 rest2', { axis: 0 }, 'target'),
        node('Reshape', 'x target'),
      ].map((n) => ({ ...n, inputs: n.inputs.filter((i) => i !== '') })),
      constants: [
        { name: 'zero', shape: [], values: [0], integer: true },
        ints('axis', 0),
        ints('from', 1),
        ints('to', 3),
        ints('rest2', -1),
      ],
    },
  ],
  [
    'a weight made of smaller ones',
    {
      nodes: [
        node('Concat', 'p q', { axis: 1 }, 'w'),
        node('Transpose', 'w', { perm: [1, 0] }, 't'),
        node('Mul', 't two', {}, 'tt'),
        node('Slice', 'tt from to axes steps', {}, 'reversed'),
        node('Gemm', 'x reversed'),
      ],
      constants: [
        weights('p', 4, 2),
        weights('q', 4, 3),
        { name: 'two', shape: [], values: [2] },
        ints('from', -1, 0),
        ints('to', -9, 9),
        ints('axes', 0, 1),
        ints('steps', -1, 1),
      ],
      shape: [2, 5],
    },
  ],
];

function imported(parts: ModelParts, input: Values, batch?: number): Values {
  const graph = importModel(encodeModel(parts), { file: 'm.onnx', mode: 'inference', ...(batch ? { batch } : {}) });
  expect(verify(graph)).toEqual([]);
  expect(graph.outputs).toEqual(['y']);
  return evaluate(graph, new Map([['x', input]])).get('y') ?? new Float64Array();
}

describe('operators, against the ONNX runtime', () => {
  it.each(CASES)('%s', async (_name, { shape = [2, 3, 6, 5], ...rest }) => {
    const parts = { ...rest, inputs: [{ name: 'x', shape }], outputs: ['y'] };
    const x = spread(elementCount(shape), 3);
    const [expected = new Float64Array()] = await runOnnx(encodeModel(parts), [{ name: 'x', shape }], [x]);
    expect(difference(imported(parts, x), expected)).toBeLessThan(1e-5);
    // The same samples twice, at twice the mini-batch, give the same results twice.
    const twice = imported(parts, Float64Array.of(...x, ...x), 4);
    expect(difference(twice, Float64Array.of(...expected, ...expected))).toBeLessThan(1e-5);
  });

  it('pooling of any geometry', async () => {
    const size = fc.integer({ min: 4, max: 9 });
    const taps = fc.integer({ min: 1, max: 4 });
    const axis = fc.record({ size, taps, stride: fc.integer({ min: 1, max: 4 }), before: fc.nat(3), after: fc.nat(3) });
    const geometry = fc.record({ rows: axis, columns: axis, op: fc.constantFrom('MaxPool', 'AveragePool'), ceil: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(geometry, async ({ rows, columns, op, ceil }) => {
        // The runtime refuses padding as wide as the kernel.
        fc.pre([rows, columns].every((a) => a.before < a.taps && a.after < a.taps));
        const shape = [1, 2, rows.size, columns.size];
        const attributes = {
          kernel_shape: [rows.taps, columns.taps],
          strides: [rows.stride, columns.stride],
          pads: [rows.before, columns.before, rows.after, columns.after],
          ceil_mode: ceil ? 1 : 0,
        };
        const parts = { inputs: [{ name: 'x', shape }], outputs: ['y'], nodes: [node(op, 'x', attributes)] };
        const x = spread(elementCount(shape), 9);
        const [expected = new Float64Array()] = await runOnnx(encodeModel(parts), [{ name: 'x', shape }], [x]);
        expect(difference(imported(parts, x), expected)).toBeLessThan(1e-5);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});
