import { fromHalfBits } from '../../../ir/half.ts';

/** The f32 value of every half, by its bits. */
export const HALF_VALUES = Float32Array.from({ length: 65536 }, (_, bits) => fromHalfBits(bits));

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
const half = new Float32Array([0.5]);

/** Bits of the half nearest to an f32, ties to even; every NaN is 0x7e00. */
export function halfBits(value: number): number {
  float[0] = value;
  const bits = word[0] ?? 0;
  const sign = (bits >>> 16) & 0x8000;
  const abs = bits & 0x7fffffff;
  if (abs >= 0x477ff000) return abs > 0x7f800000 ? 0x7e00 : sign | 0x7c00;
  if (abs >= 0x38800000) return sign | ((abs - 0x38000000 + 0xfff + ((abs >>> 13) & 1)) >>> 13);
  // Adding 0.5 leaves a unit of 2^-24, the subnormal half's, in the last place: the addition rounds.
  word[0] = abs;
  float[0] = (float[0] ?? 0) + (half[0] ?? 0);
  return sign | ((word[0] ?? 0) - 0x3f000000);
}
