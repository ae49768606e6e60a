import { diag, fail } from './diagnostics.ts';
import { elementCount, formatType, type TensorType } from './tensor.ts';

/** More elements than any network has in one parameter; text that asks for them is damaged. */
const MOST_ELEMENTS = 2 ** 30;

/** Numbers as values of a constant of `type`: integers for integer types, else f32. */
export function constantArray(type: TensorType, numbers: readonly number[]): Float32Array | Int32Array {
  return holdsIntegers(type) ? Int32Array.from(numbers) : Float32Array.from(numbers);
}

/**
 * What an elided constant of `type` reads as.
 * @throws WavecError `BAD_GRAPH` for more than 2^30 elements.
 */
export function zeros(type: TensorType): Float32Array | Int32Array {
  const count = elementCount(type.shape);
  if (count > MOST_ELEMENTS) fail(diag.badGraph({}, `a constant of type ${formatType(type)} is too large`));
  return holdsIntegers(type) ? new Int32Array(count) : new Float32Array(count);
}

function holdsIntegers(type: TensorType): boolean {
  return type.dtype === 'i32' || type.dtype === 'i64' || type.dtype === 'u8';
}
