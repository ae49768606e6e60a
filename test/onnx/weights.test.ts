import { Float16Array } from '@petamoriken/float16';
import fc from 'fast-check';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { InferenceSession } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { importModel } from '../../src/onnx/index.ts';
import { encodeModel } from '../onnx-model.ts';
import { importProblems } from './problems.ts';

const { FLOAT, FLOAT16, BFLOAT16, DOUBLE, UINT8, INT8, INT32, STRING, COMPLEX64 } = onnxProto.onnx.TensorProto.DataType;
const SHAPE = [4, 3, 1, 1];
const COUNT = 12;

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** A convolution with this weight. */
const ours = (weight: proto.ITensorProto): Uint8Array =>
  encodeModel({
    inputs: [{ name: 'x', shape: [1, 3, 2, 2] }],
    nodes: [{ name: 'conv', op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
    outputs: ['y'],
    tensors: [{ name: 'w', dims: SHAPE, ...weight }],
  });

function imported(weight: proto.ITensorProto): readonly number[] {
  const constant = importModel(ours(weight), { file: 'm', mode: 'inference' }).tensors.get('w')?.constant;
  return constant?.form === 'values' ? [...constant.values] : expect.unreachable();
}

/** The weight as f32, as the ONNX runtime rounds it. */
async function oracle(weight: proto.ITensorProto): Promise<readonly number[]> {
  const model = encodeModel({
    inputs: [],
    nodes: [{ op: 'Cast', inputs: ['w'], outputs: ['y'], attributes: { to: FLOAT } }],
    outputs: [{ name: 'y', shape: SHAPE }],
    tensors: [{ name: 'w', dims: SHAPE, ...weight }],
  });
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1 });
  const { y } = await session.run({});
  await session.release();
  return y?.data instanceof Float32Array ? [...y.data] : expect.unreachable();
}

// Signed zeros, subnormals of f16, bf16 and f32, the largest numbers, halfway cases of f64 → f32, infinities, not-a-number.
const doubles = Float64Array.of(
  -0,
  2 ** -149,
  2 ** -150,
  -65504,
  1 + 2 ** -24,
  1 + 3 * 2 ** -24,
  3.5e38,
  1e-40,
  Math.PI,
  -1e300,
  Number.NaN,
  0.1,
);
const floats = Float32Array.from(doubles);
const halves = Uint16Array.of(0, 0x8000, 1, 0x83ff, 0x7bff, 0xfc00, 0x7e00, 0x3c01, 0x0400, 0xb555, 0x7c00, 0x2e66);

const RAW: readonly [string, proto.ITensorProto][] = [
  ['f32', { dataType: FLOAT, rawData: bytesOf(floats) }],
  ['f16', { dataType: FLOAT16, rawData: bytesOf(halves) }],
  ['bf16', { dataType: BFLOAT16, rawData: bytesOf(halves) }],
  ['f64', { dataType: DOUBLE, rawData: bytesOf(doubles) }],
];
const FIELDS: readonly [string, proto.ITensorProto][] = [
  ['f32', { dataType: FLOAT, floatData: [...floats] }],
  ['f16', { dataType: FLOAT16, int32Data: [...halves] }],
  ['bf16', { dataType: BFLOAT16, int32Data: [...halves] }],
  ['f64', { dataType: DOUBLE, doubleData: [...doubles] }],
];

describe('weights', () => {
  it.each(RAW)('in raw_data of %s are what the ONNX runtime reads', async (_type, weight) => {
    expect(imported(weight)).toEqual(await oracle(weight));
  });

  it.each(FIELDS)('in the typed field of %s are what the ONNX runtime reads', async (_type, weight) => {
    expect(imported(weight)).toEqual(await oracle(weight));
  });

  it('are f16 values to the bit, and f64 values rounded once', () => {
    fc.assert(
      fc.property(
        fc.uint16Array({ minLength: COUNT, maxLength: COUNT }),
        fc.float64Array({ minLength: COUNT, maxLength: COUNT }),
        (h, d) => {
          expect(imported({ dataType: FLOAT16, rawData: bytesOf(h) })).toEqual([...new Float16Array(h.buffer)]);
          expect(imported({ dataType: DOUBLE, doubleData: [...d] })).toEqual([...d].map(Math.fround));
        },
      ),
    );
  });

  it.each([
    ['uint8', { dataType: UINT8, rawData: new Uint8Array(COUNT) }],
    ['int8', { dataType: INT8, int32Data: new Array<number>(COUNT).fill(1) }],
    ['int32', { dataType: INT32, rawData: new Uint8Array(4 * COUNT) }],
    ['string', { dataType: STRING, stringData: new Array<Uint8Array>(COUNT).fill(new Uint8Array(1)) }],
    ['complex64', { dataType: COMPLEX64, floatData: new Array<number>(2 * COUNT).fill(1) }],
    ['float8e4m3fn', { dataType: 17, rawData: new Uint8Array(COUNT) }],
    ['int4', { dataType: 22, rawData: new Uint8Array(COUNT / 2) }],
    ['number 99', { dataType: 99, rawData: new Uint8Array(COUNT) }],
  ])('of type %s are refused by its name', (name, weight) => {
    const [problem, ...others] = importProblems(ours(weight));
    expect(problem?.message).toContain(name);
    expect([problem?.place.tensor, problem?.place.node]).toContain(problem?.code === 'QUANTIZED' ? 'conv' : 'w');
    expect(others).toEqual([]);
  });
});
