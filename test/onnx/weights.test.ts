import onnxProto, { type onnx as proto } from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { toHalfBits } from '../../ir/half.ts';
import { evaluate } from '../../ir/interpret.ts';
import { compile, run } from '../../src/index.ts';
import type { ExternalRange } from '../../src/onnx/external.ts';
import { importModel } from '../../src/onnx/index.ts';
import { summary } from './problems.ts';

const { ModelProto, TensorProto } = onnxProto.onnx;
const { DataType, DataLocation } = TensorProto;

const VALUES = [0.5, -1.25, 2, 0.0625, -3, 1, 0.75, -0.5, 4, -2, 0.125, 1.5];

const bytesOf = (view: ArrayBufferView): Uint8Array => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
const bfloats = (values: readonly number[]): Uint16Array =>
  Uint16Array.from(values, (v) => (new Uint32Array(Float32Array.of(v).buffer)[0] ?? 0) >>> 16);

const FORMS: Readonly<Record<string, readonly [type: number, raw: Uint8Array]>> = {
  f32: [DataType.FLOAT, bytesOf(Float32Array.from(VALUES))],
  f64: [DataType.DOUBLE, bytesOf(Float64Array.from(VALUES))],
  f16: [DataType.FLOAT16, bytesOf(Uint16Array.from(VALUES, toHalfBits))],
  bf16: [DataType.BFLOAT16, bytesOf(bfloats(VALUES))],
};

const input = { name: 'x', type: { tensorType: { elemType: DataType.FLOAT, shape: { dim: [{ dimValue: 2 }, { dimValue: 3 }] } } } };

/** x·W with W [3, 4] as given. */
function model(weight: proto.ITensorProto, op = 'MatMul'): Uint8Array {
  const graph = {
    name: 'g',
    input: [input],
    output: [{ name: 'y' }],
    initializer: [{ name: 'w', dims: [3, 4], ...weight }],
    node: [{ opType: op, input: ['x', 'w'], output: ['y'], name: 'n' }],
  };
  return ModelProto.encode({ irVersion: 8, opsetImport: [{ version: 17 }], graph }).finish();
}

const X = Float64Array.of(1, 2, -1, 0.5, -0.25, 4);
const expected = Float64Array.from({ length: 8 }, (_, i) =>
  [0, 1, 2].reduce((sum, c) => sum + (X[3 * Math.floor(i / 4) + c] ?? 0) * (VALUES[4 * c + (i % 4)] ?? 0), 0),
);

const resultOf = (bytes: Uint8Array, readExternal?: (range: ExternalRange) => Uint8Array): Float64Array | undefined =>
  evaluate(importModel(bytes, { file: 'm', mode: 'inference', readExternal }), new Map([['x', X]])).get('y');

describe('weights', () => {
  it.each(Object.entries(FORMS))('of %s are read', (_name, [dataType, rawData]) => {
    expect(resultOf(model({ dataType, rawData }))).toEqual(expected);
  });

  it.each(Object.entries(FORMS))('of %s are read from another file, by range', (_name, [dataType, rawData]) => {
    const asked: ExternalRange[] = [];
    const entries = { location: 'weights.bin', offset: '64', length: `${rawData.length}` };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    const bytes = model({ dataType, dataLocation: DataLocation.EXTERNAL, externalData });
    const result = resultOf(bytes, (range) => {
      asked.push(range);
      return rawData;
    });
    expect(result).toEqual(expected);
    expect(asked).toEqual([{ location: 'weights.bin', offset: 64, length: rawData.length }]);
  });

  const elsewhere = model({
    dataType: DataType.FLOAT,
    dataLocation: DataLocation.EXTERNAL,
    externalData: [{ key: 'location', value: 'gone.bin' }],
  });

  it('in another file take as many bytes as their shape says', () => {
    expect(() => resultOf(elsewhere, () => new Uint8Array(47))).toThrow(/BAD_CONSTANT/);
    expect(summary(elsewhere)).toEqual(['EXTERNAL_DATA w']);
  });

  it.each([
    ['in another file', elsewhere],
    ['of which nothing is there', model({ dataType: DataType.BFLOAT16 })],
    ['that are there', model({ dataType: DataType.FLOAT, rawData: FORMS.f32?.[1] ?? new Uint8Array() })],
  ])('%s may be left out, for timing alone', (_name, bytes) => {
    for (const mode of ['inference', 'training'] as const) {
      const program = compile(bytes, { weights: false, mode, batch: 2 });
      expect(run(program, { mode: 'timing' }).cycles).toBeGreaterThan(0);
      expect(() => run(program, { mode: 'functional', inputs: new Map([['x', X]]) })).toThrow(/NO_INITIAL_VALUES/);
    }
  });
});

describe('quantized models', () => {
  it.each(['QLinearConv', 'DequantizeLinear', 'MatMulInteger', 'ConvInteger', 'QLinearMatMul', 'DynamicQuantizeLinear'])(
    'are refused by one message (%s)',
    (op) => {
      expect(summary(model({ dataType: DataType.FLOAT, rawData: FORMS.f32?.[1] ?? new Uint8Array() }, op))).toEqual(['QUANTIZED n']);
    },
  );
});
