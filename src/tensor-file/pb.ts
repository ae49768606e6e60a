import onnxProto from 'onnx-proto';
import { diag, fail } from '../../ir/diagnostics.ts';
import { elementTypeName } from '../onnx/element-types.ts';
import type { TensorProto } from '../onnx/model.ts';
import { readTensorProto } from '../onnx/tensor-proto.ts';
import { numbersOf } from '../onnx/value.ts';
import { elementBytes, FILE_TYPES, type FileTensor, LAYOUTS } from './tensor.ts';

/** A tensor of a .pb file, with the name that it has there ('' where it has none). */
export interface NamedTensor extends FileTensor {
  readonly name: string;
}

/**
 * Reads a file that holds one ONNX TensorProto.
 * @throws WavecError BAD_TENSOR_FILE, UNSUPPORTED_TYPE, BAD_CONSTANT, EXTERNAL_DATA
 */
export function readTensorPb(bytes: Uint8Array, file: string): NamedTensor {
  const proto = decode(bytes, file);
  const type = FILE_TYPES.find((t) => LAYOUTS[t].onnx === proto.dataType);
  if (type === undefined) return fail(diag.unsupportedType({ file }, elementTypeName(proto.dataType ?? 0)));
  const value = readTensorProto(proto, { file });
  return { name: proto.name ?? '', type, shape: value.shape, values: Float64Array.from(numbersOf(value)) };
}

function decode(bytes: Uint8Array, file: string): TensorProto {
  try {
    return onnxProto.onnx.TensorProto.decode(bytes);
  } catch (error) {
    return fail(diag.badTensorFile({ file }, error instanceof Error ? error.message : String(error)));
  }
}

/** A file that holds the tensor as one ONNX TensorProto. */
export function writeTensorPb(tensor: NamedTensor): Uint8Array {
  const { name, type, shape, values } = tensor;
  const proto = { name, dims: [...shape], dataType: LAYOUTS[type].onnx, rawData: elementBytes(type, values) };
  return onnxProto.onnx.TensorProto.encode(proto).finish();
}
