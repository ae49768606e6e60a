import { toHalfBits } from '../../ir/half.ts';
import { ELEMENT_TYPES } from '../onnx/element-types.ts';

/** Element types of tensor files, in the letters of NumPy. */
export const FILE_TYPES = ['f2', 'f4', 'f8', 'i4', 'i8', 'u1', 'bool'] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** A tensor as a file holds it: row-major, every element as a number (exact for all types but i8 beyond 2^53). */
export interface FileTensor {
  readonly type: FileType;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

interface Layout {
  readonly width: number;
  /** Number in TensorProto.DataType. */
  readonly onnx: number;
  write(view: DataView, at: number, value: number): void;
}

/** How the elements lie in a file, little endian. */
export const LAYOUTS: Readonly<Record<FileType, Layout>> = {
  f2: { width: 2, onnx: 10, write: (v, at, x) => v.setUint16(at, toHalfBits(x), true) },
  f4: { width: 4, onnx: 1, write: (v, at, x) => v.setFloat32(at, x, true) },
  f8: { width: 8, onnx: 11, write: (v, at, x) => v.setFloat64(at, x, true) },
  i4: { width: 4, onnx: 6, write: (v, at, x) => v.setInt32(at, x, true) },
  i8: { width: 8, onnx: 7, write: (v, at, x) => v.setBigInt64(at, BigInt(Math.trunc(x)), true) },
  u1: { width: 1, onnx: 2, write: (v, at, x) => v.setUint8(at, x) },
  bool: { width: 1, onnx: 9, write: (v, at, x) => v.setUint8(at, x === 0 ? 0 : 1) },
};

/** The elements of `values` as bytes. */
export function elementBytes(type: FileType, values: ArrayLike<number>): Uint8Array {
  const { width, write } = LAYOUTS[type];
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) write(view, i * width, values[i] ?? 0);
  return bytes;
}

/** `count` elements from `bytes`, which has room for them. */
export function elementValues(type: FileType, bytes: Uint8Array, count: number): Float64Array {
  const { width, onnx } = LAYOUTS[type];
  const read = ELEMENT_TYPES.get(onnx)?.read;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: count }, (_, i) => read?.(view, i * width) ?? Number.NaN);
}
