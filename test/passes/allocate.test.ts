import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate, type Lifetime } from '../../passes/mbs/allocate.ts';

const lifetimes: fc.Arbitrary<Lifetime[]> = fc
  .array(fc.record({ size: fc.integer({ min: 1, max: 20 }), from: fc.nat(12), length: fc.nat(6) }), { maxLength: 24 })
  .map((blocks) => blocks.map(({ size, from, length }, i) => ({ key: `b${i}`, bytes: 64 * size, from, to: from + length })));

/** Bytes alive at the fullest step. */
function demand(blocks: readonly Lifetime[]): number {
  const steps = Array.from({ length: 20 }, (_, i) => blocks.filter((b) => b.from <= i && i <= b.to).reduce((sum, b) => sum + b.bytes, 0));
  return Math.max(0, ...steps);
}

describe('the buffer plan', () => {
  it('never lets two blocks alive at the same step overlap, and stays inside of the buffer', () => {
    fc.assert(
      fc.property(lifetimes, fc.integer({ min: 1, max: 40 }), (blocks, units) => {
        const capacity = 64 * units * 4;
        const plan = allocate(blocks, capacity);
        if (!(plan instanceof Map)) {
          // The order is greedy, so it may fail above the demand, but never with room for all blocks side by side.
          expect(blocks).toContain(plan);
          expect(blocks.reduce((sum, b) => sum + b.bytes, 0)).toBeGreaterThan(capacity);
          return;
        }
        expect(demand(blocks)).toBeLessThanOrEqual(capacity);
        const placed = blocks.map((b) => ({ ...b, address: plan.get(b.key) ?? Number.NaN }));
        placed.forEach((a, i) => {
          expect(a.address).toBeGreaterThanOrEqual(0);
          expect(a.address + a.bytes).toBeLessThanOrEqual(capacity);
          expect(a.address % 64).toBe(0);
          for (const b of placed.slice(i + 1)) {
            const together = a.from <= b.to && b.from <= a.to;
            if (together) expect(a.address + a.bytes <= b.address || b.address + b.bytes <= a.address, `${a.key} ${b.key}`).toBe(true);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it('uses the place of a block again once it has gone', () => {
    const blocks = [
      { key: 'a', bytes: 128, from: 0, to: 1 },
      { key: 'b', bytes: 128, from: 1, to: 2 },
      { key: 'c', bytes: 128, from: 2, to: 3 },
    ];
    expect(allocate(blocks, 256)).toEqual(
      new Map([
        ['a', 0],
        ['b', 128],
        ['c', 0],
      ]),
    );
    expect(blocks).toContain(allocate(blocks, 255));
  });
});
