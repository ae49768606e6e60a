import type { FileType } from '../../src/tensor-file/tensor.ts';

/** An even number of values that each type holds exactly, its extremes among them. */
export const SAMPLES: Readonly<Record<FileType, Float64Array>> = {
  f2: Float64Array.of(0, -0, 65504, -(2 ** -24), Number.POSITIVE_INFINITY, Number.NaN),
  f4: Float64Array.of(0, -0, 2 ** 127, 2 ** -149, Number.NEGATIVE_INFINITY, Number.NaN),
  f8: Float64Array.of(1 / 3, -0, Number.MAX_VALUE, Number.MIN_VALUE, Number.NEGATIVE_INFINITY, Number.NaN),
  i4: Float64Array.of(0, -1, 2 ** 31 - 1, -(2 ** 31)),
  i8: Float64Array.of(0, -1, 2 ** 53, -(2 ** 63)),
  u1: Float64Array.of(0, 1, 127, 255),
  bool: Float64Array.of(0, 1),
};
