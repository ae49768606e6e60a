/** 2^(10 − e) for the exponents e = −14 … 15 of normal halves, by exact doubling. */
const SCALES = Array.from({ length: 30 }, (_, i) => (i <= 24 ? 2 ** (24 - i) : 1 / 2 ** (i - 24)));

const word = new Float64Array(1);
const halves = new Uint32Array(word.buffer);
/** Index of the 32-bit half of a double that holds sign and exponent. */
const HIGH = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

function roundToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

/**
 * Bits of the IEEE half nearest to `value`, ties to even; subnormals, infinities and signed zero kept, every NaN 0x7e00.
 * Rounds once, straight from f64, so that it is right for any number and not only for f32 values.
 */
export function toHalfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const a = Math.abs(value);
  if (a >= 65520) return sign | 0x7c00;
  // Multiplying by a power of two is exact, and a carry out of the significand lands in the exponent, as it should.
  if (a < 2 ** -14) return sign | roundToEven(a * 2 ** 24);
  word[0] = a;
  const exponent = ((halves[HIGH] ?? 0) >>> 20) - 1023;
  return sign | (((exponent + 14) << 10) + roundToEven(a * (SCALES[exponent + 14] ?? Number.NaN)));
}

/** The number that the bits of an IEEE half stand for. */
export function fromHalfBits(bits: number): number {
  const exponent = (bits >>> 10) & 0x1f;
  const significand = bits & 0x3ff;
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  if (exponent === 0x1f) return significand === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * significand * 2 ** -24;
  return sign * ((significand + 1024) / (SCALES[exponent - 1] ?? Number.NaN));
}

/** The half nearest to `value`, as a number. */
export function roundToHalf(value: number): number {
  return fromHalfBits(toHalfBits(value));
}
