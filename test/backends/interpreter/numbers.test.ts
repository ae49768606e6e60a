import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import { halfBits } from '../../../backends/wavecore/interpreter/half.ts';
import { toHalfBits } from '../../../ir/half.ts';
import { Assembler, floatBits } from '../assembler.ts';

describe('halves of results', () => {
  it('are rounded to f32 first, subnormal ones too', () => {
    // The f32 is a tie between 0 and the least half; the f64 lies above it.
    expect(halfBits(2 ** -25 + 2 ** -60)).toBe(0);
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000 }), fc.integer({ min: -40, max: 0 }), (x, exponent) => {
        expect(halfBits(x * 2 ** exponent)).toBe(toHalfBits(Math.fround(x * 2 ** exponent)));
      }),
    );
  });
});

/** What instructions leave at byte 0 of the buffer, as words. */
function wordsAfter(count: number, emit: (a: Assembler) => void): number[] {
  const a = new Assembler();
  const dram = a.tensor('result', { dtype: 'i32', shape: [count] });
  emit(a);
  a.op('v.sync', {}, { signal: [1] }).move('d.st', dram, 0, 4 * count, { wait: [1] });
  return [...new Uint32Array(run(a.program(), { mode: 'functional' }).readTensor('result').bytes.buffer)];
}

describe('results that are no numbers', () => {
  it('have the same bits on every engine, f32', () => {
    // 0 × ∞ of a learning rate, whatever sign the processor gives it.
    const words = wordsAfter(2, (a) =>
      a
        .vector({ COUNT: 1, LR: floatBits(Number.POSITIVE_INFINITY) })
        .set(1, 0)
        .set(2, 64)
        .op('v.sgd', { master: 1, grad: 2, weight: 0, withWeight: 0 }),
    );
    expect(words).toEqual([0x7fc00000, 0]);
  });

  it('have the same bits on every engine, f64', () => {
    // Twice the sum of −NaN, moved on.
    const words = wordsAfter(2, (a) => {
      const x = a.tensor('x', { dtype: 'f16', shape: [1] }, { initial: { form: 'values', values: Float32Array.of(Number.NaN) } });
      a.move('d.ld', x, 64, 2, { signal: [2] }).op('v.sync', {}, { wait: [2] });
      a.vector({ N: 1, C: 1, H: 1, W: 1 }).set(1, 0).set(2, 64).op('v.bias_sums', { state: 1, dy: 2 });
    });
    expect(words).toEqual([0, 0x7ff80000]);
  });
});
