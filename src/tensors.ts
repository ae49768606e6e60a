import type { ProgramSymbol, TensorValue } from '../backends/wavecore/index.ts';
import { diag, fail } from '../ir/diagnostics.ts';
import { type DType, elementCount, formatType, sampleElements } from '../ir/tensor.ts';
import { readNpy } from './tensor-file/npy.ts';
import { readTensorPb } from './tensor-file/pb.ts';
import { elementBytes, elementValues, type FileTensor, type FileType } from './tensor-file/tensor.ts';

/** How a tensor of a program is written to a file; packed bits as the bytes that hold them. */
const FILE_TYPE: Readonly<Record<DType, FileType>> = { f16: 'f2', f32: 'f4', i32: 'i4', i64: 'i8', u8: 'u1', bit: 'u1' };

/** Reads a tensor file: .npy by its magic, otherwise an ONNX TensorProto. */
export function readTensorFile(bytes: Uint8Array, file: string): FileTensor {
  return bytes[0] === 0x93 ? readNpy(bytes, file) : readTensorPb(bytes, file);
}

/**
 * The bytes that a program's input has in DRAM; values of another element type are rounded to the input's.
 * @throws WavecError BAD_TENSOR where the shapes differ
 */
export function inputBytes(symbol: ProgramSymbol, tensor: FileTensor, file: string): Uint8Array {
  const same = tensor.shape.length === symbol.shape.length && tensor.shape.every((d, i) => d === symbol.shape[i]);
  if (!same)
    fail(diag.badTensor({ file, tensor: symbol.name }, `its shape is ${tensor.shape.join('x')}, the program takes ${formatType(symbol)}`));
  return elementBytes(FILE_TYPE[symbol.dtype], tensor.values);
}

/** The elements of a tensor that a run has left; packed bits as the bytes that hold them. */
export function numbersOf({ dtype, shape, bytes }: TensorValue): Float64Array {
  return outputTensor(dtype, shape, bytes).values;
}

/** The elements of a tensor that a run has left, bits one by one: the samples of packed bits begin on bytes. */
export function elementsOf(tensor: TensorValue): Float64Array {
  if (tensor.dtype !== 'bit') return numbersOf(tensor);
  const run = sampleElements(tensor);
  const stride = Math.ceil(run / 8);
  return Float64Array.from({ length: elementCount(tensor.shape) }, (_, i) => {
    const e = i % run;
    return ((tensor.bytes[Math.floor(i / run) * stride + (e >> 3)] ?? 0) >> (e & 7)) & 1;
  });
}

/** A tensor that a run has left, as it is written to a file. */
export function outputTensor(dtype: DType, shape: readonly number[], bytes: Uint8Array): FileTensor {
  const type = FILE_TYPE[dtype];
  const fileShape = dtype === 'bit' ? [bytes.length] : shape;
  return { type, shape: fileShape, values: elementValues(type, bytes, elementCount(fileShape)) };
}
