import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allocate, type Lifetime } from '../../passes/mbs/allocate.ts';
import { allocateApart } from '../../passes/mbs/separate.ts';

const CAPACITY = 64;
const lists = fc
  .array(
    fc.record({ bytes: fc.integer({ min: 1, max: 24 }), from: fc.integer({ min: 0, max: 12 }), steps: fc.integer({ min: 0, max: 4 }) }),
    {
      minLength: 1,
      maxLength: 20,
    },
  )
  .map((list) => list.map(({ bytes, from, steps }, i): Lifetime => ({ key: `${i}`, bytes, from, to: from + steps })));

it('keeps apart what is alive together, wherever the plain allocation finds a place', () => {
  fc.assert(
    fc.property(lists, (blocks) => {
      const addresses = allocateApart(blocks, CAPACITY);
      expect(addresses instanceof Map).toBe(allocate(blocks, CAPACITY) instanceof Map);
      if (!(addresses instanceof Map)) return;
      const placed = blocks.map((block) => ({ ...block, address: addresses.get(block.key) ?? Number.NaN }));
      placed.forEach((a, i) => {
        expect(a.address).toBeGreaterThanOrEqual(0);
        expect(a.address + a.bytes).toBeLessThanOrEqual(CAPACITY);
        for (const b of placed.slice(0, i)) {
          const together = a.from <= b.to && b.from <= a.to;
          if (together) expect(a.address + a.bytes <= b.address || b.address + b.bytes <= a.address).toBe(true);
        }
      });
    }),
    { numRuns: 300 },
  );
});

it('gives blocks of neighbouring steps places of their own where there is room', () => {
  const blocks = [0, 1, 2, 3].map((step): Lifetime => ({ key: `${step}`, bytes: 16, from: step, to: step }));
  const places = (capacity: number): number => new Set((allocateApart(blocks, capacity) as Map<string, number>).values()).size;
  expect(places(16)).toBe(1);
  expect(places(32)).toBe(2);
  expect(places(64)).toBe(4);
});
