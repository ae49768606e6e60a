import { f16round, setFloat16 } from '@petamoriken/float16';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromHalfBits, roundToHalf, toHalfBits } from '../../ir/half.ts';

const view = new DataView(new ArrayBuffer(2));

function bitsOf(value: number): number {
  setFloat16(view, 0, value);
  return view.getUint16(0);
}

describe('half', () => {
  it('survives decoding and encoding for all 65536 bit patterns', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromHalfBits(bits);
      const nan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
      expect(toHalfBits(value)).toBe(nan ? 0x7e00 : bits);
      if (!nan && bitsOf(value) !== bits) throw new Error(`${bits} decodes to ${value}`);
    }
  });

  it('rounds to nearest even at and beside every midpoint', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const middle = (fromHalfBits(bits) + fromHalfBits(bits + 1)) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const nudge = middle * 2 ** -50;
      if (toHalfBits(middle) !== even || toHalfBits(middle + nudge) !== bits + 1 || toHalfBits(middle - nudge) !== bits) {
        throw new Error(`wrong beside the midpoint after ${bits}`);
      }
    }
    expect([65519.999, 65520, -65520, 2 ** -25, 2 ** -25 * 1.001].map(toHalfBits)).toEqual([0x7bff, 0x7c00, 0xfc00, 0, 1]);
  });

  it('agrees with an independent implementation on random f32 and f64 numbers', () => {
    const numbers = fc.oneof(fc.float(), fc.double(), fc.double({ min: -70000, max: 70000 }), fc.double({ min: -1e-4, max: 1e-4 }));
    fc.assert(
      fc.property(numbers, (value) => Object.is(roundToHalf(value), f16round(value))),
      { numRuns: 20000 },
    );
  });

  it('keeps signed zero, infinities and NaN', () => {
    expect([0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(toHalfBits)).toEqual([
      0, 0x8000, 0x7c00, 0xfc00, 0x7e00,
    ]);
  });
});
