import { fromHalfBits } from '../../../ir/half.ts';

/** The number that every pattern of half bits stands for. */
export const HALVES: Float32Array = Float32Array.from({ length: 65536 }, (_, bits) => fromHalfBits(bits));

/** What an f32 result that is not a number is stored as, so that all engines agree. */
export const NAN_BITS = 0x7fc00000;
/** The same of an f64 result. */
export const NAN_BITS_OF_F64 = 0x7ff8_0000_0000_0000n;

const word = new Float32Array(1);
const bits = new Uint32Array(word.buffer);
/** Adding and subtracting it rounds a small double to a whole number, ties to even. */
const TO_WHOLE = 2 ** 52;

/** Rounds a number to f32, and that to the nearest half, ties to even; NaN becomes 0x7e00. Faster than `toHalfBits`, which rounds once, from f64. */
export function halfBits(value: number): number {
  word[0] = value;
  const u = bits[0] ?? 0;
  const sign = (u >>> 16) & 0x8000;
  const magnitude = u & 0x7fffffff;
  if (magnitude < 0x38800000) return sign | (Math.abs(word[0]) * 2 ** 24 + TO_WHOLE - TO_WHOLE);
  if (magnitude >= 0x47800000) return magnitude > 0x7f800000 ? 0x7e00 : sign | 0x7c00;
  // Rounding may carry into the exponent, up to infinity, as it should.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

const INFINITY_BITS = 0x7c00;

/** Whether the f16 of these bits is above 0. */
export function isPositive(bits: number): boolean {
  return bits !== 0 && bits <= INFINITY_BITS;
}

/** Whether a rectifier puts +0 for it: what is neither above 0 nor NaN. */
export function isRectified(bits: number): boolean {
  return !isPositive(bits) && (bits & 0x7fff) <= INFINITY_BITS;
}
