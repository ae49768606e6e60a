import fc from 'fast-check';
import { roundToHalf } from '../../ir/half.ts';

/** Numbers around 0 that f16 has no smaller ones of. */
export const subnormal = fc.integer({ min: -9, max: 9 }).map((n) => n * 2 ** -24);

/** f16 of every kind: subnormal, infinite and NaN, too. */
export const half = fc.oneof(subnormal, fc.double({ min: -70000, max: 70000, noNaN: true }), fc.constant(Number.NaN)).map(roundToHalf);

export const valuesOf = (of: fc.Arbitrary<number>, length: number): fc.Arbitrary<Float64Array> =>
  fc.array(of, { minLength: length, maxLength: length }).map((list) => Float64Array.from(list));
