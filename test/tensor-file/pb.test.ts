import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { readTensorPb, writeTensorPb } from '../../src/tensor-file/pb.ts';
import { FILE_TYPES, type FileType } from '../../src/tensor-file/tensor.ts';
import { SAMPLES } from './samples.ts';

const { TensorProto } = onnxProto.onnx;

function code(bytes: Uint8Array): string | undefined {
  try {
    readTensorPb(bytes, 'a.pb');
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics[0]?.code;
    throw error;
  }
  return undefined;
}

describe('TensorProto files', () => {
  it.each(FILE_TYPES)('%s comes back as it was written', (type: FileType) => {
    const values = SAMPLES[type];
    const tensor = { name: 'x', type, shape: [values.length / 2, 2], values };
    expect(readTensorPb(writeTensorPb(tensor), 'a.pb')).toEqual(tensor);
  });

  it('reads values that are not raw', () => {
    const { DataType } = TensorProto;
    const read = (proto: object): unknown => readTensorPb(TensorProto.encode(TensorProto.create(proto)).finish(), 'a.pb');
    expect(read({ dims: [2], dataType: DataType.FLOAT, floatData: [1, -2] })).toMatchObject({ type: 'f4', values: Float64Array.of(1, -2) });
    expect(read({ dims: [2], dataType: DataType.DOUBLE, doubleData: [0.1, 2] })).toMatchObject({
      type: 'f8',
      values: Float64Array.of(0.1, 2),
    });
    expect(read({ dims: [2], dataType: DataType.INT64, int64Data: [1, -2] })).toMatchObject({ type: 'i8', values: Float64Array.of(1, -2) });
    expect(read({ dims: [2], dataType: DataType.FLOAT16, int32Data: [0x3c00, 0xc000] })).toMatchObject({
      type: 'f2',
      values: Float64Array.of(1, -2),
    });
  });

  it('refuses foreign files, wrong sizes and other types', () => {
    const good = writeTensorPb({ name: 'x', type: 'f4', shape: [2], values: new Float64Array(2) });
    expect(code(good)).toBeUndefined();
    expect(code(good.subarray(0, good.length - 1))).toBe('BAD_TENSOR_FILE');
    expect(code(TensorProto.encode({ dims: [3], dataType: 1, rawData: new Uint8Array(8) }).finish())).toBe('BAD_CONSTANT');
    expect(code(TensorProto.encode({ dims: [1], dataType: 8, stringData: [new Uint8Array(1)] }).finish())).toBe('UNSUPPORTED_TYPE');
  });
});
