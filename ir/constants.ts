import { elementCount, type TensorType } from './tensor.ts';

/** Numbers as values of a constant of `type`: integers for integer types, else f32. */
export function constantArray(type: TensorType, numbers: readonly number[]): Float32Array | Int32Array {
  return holdsIntegers(type) ? Int32Array.from(numbers) : Float32Array.from(numbers);
}

/** What an elided constant of `type` reads as. */
export function zeros(type: TensorType): Float32Array | Int32Array {
  const count = elementCount(type.shape);
  return holdsIntegers(type) ? new Int32Array(count) : new Float32Array(count);
}

function holdsIntegers(type: TensorType): boolean {
  return type.dtype === 'i32' || type.dtype === 'i64' || type.dtype === 'u8';
}
