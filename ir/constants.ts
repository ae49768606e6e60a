import type { TensorType } from './tensor.ts';

/** Numbers as values of a constant of `type`: integers for integer types, else f32. */
export function constantArray(type: TensorType, numbers: readonly number[]): Float32Array | Int32Array {
  return holdsIntegers(type) ? Int32Array.from(numbers) : Float32Array.from(numbers);
}

function holdsIntegers(type: TensorType): boolean {
  return type.dtype === 'i32' || type.dtype === 'i64' || type.dtype === 'u8';
}
