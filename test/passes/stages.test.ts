import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocate } from '../../passes/mbs/allocate.ts';
import { allocateApart } from '../../passes/mbs/separate.ts';
import { endsInTime, inTime, isTogether, liveInRound, roundOf, type Slots, slotsOf } from '../../passes/mbs/stages.ts';

/** Steps, the first ones of the stages behind the first, and tensors that live in some of the steps. */
const staged = fc
  .record({
    count: fc.integer({ min: 4, max: 24 }),
    cuts: fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 3 }),
    tensors: fc.array(fc.record({ from: fc.nat(1000), length: fc.nat(8), units: fc.integer({ min: 1, max: 12 }) }), { maxLength: 14 }),
  })
  .map(({ count, cuts, tensors }) => ({
    steps: Array.from({ length: count }, (_, i) => i),
    stages: [...new Set(cuts.map((cut) => 1 + (cut % (count - 1))))].sort((a, b) => a - b),
    tensors: tensors.map(({ from, length, units }, i) => {
      const first = from % count;
      return { tensor: `t${i}`, bytes: 64 * units, from: first, to: Math.min(count - 1, first + length) };
    }),
  }));

/** Slots of the first rounds in which an iteration that begins with round `begin` uses [from, to]. */
function usedIn(range: Slots, begin: number, period: number): number[] {
  return Array.from({ length: range.to - range.from + 1 }, (_, i) => begin * period + range.from + i);
}

describe('a round of a group whose iterations overlap', () => {
  it('runs every step once, those of each stage in their order', () => {
    fc.assert(
      fc.property(staged, ({ steps, stages }) => {
        const round = roundOf({ steps, stages });
        expect([...round.slots].sort((a, b) => a - b)).toEqual(steps);
        for (const i of steps.slice(1))
          if (round.stages[i] === round.stages[i - 1]) expect(round.slots[i]).toBeGreaterThan(round.slots[i - 1] ?? 0);
      }),
    );
  });

  it('knows what is on chip at the same time, iteration by iteration', () => {
    fc.assert(
      fc.property(staged, fc.nat(), fc.nat(), ({ steps, stages, tensors }, first, second) => {
        const [a, b] = [tensors[first % tensors.length], tensors[second % tensors.length]];
        if (a === undefined || b === undefined) return;
        const round = roundOf({ steps, stages });
        const period = steps.length;
        const [x, y] = [slotsOf(round, a.from, a.to), slotsOf(round, b.from, b.to)];
        const others = new Set(Array.from({ length: 11 }, (_, i) => usedIn(y, i, period)).flat());
        expect(isTogether(x, y, period)).toBe(usedIn(x, 5, period).some((slot) => others.has(slot)));
        const again = new Set(usedIn(x, 6, period));
        expect(endsInTime(round, a.from, a.to)).toBe(!usedIn(x, 5, period).some((slot) => again.has(slot)));
      }),
    );
  });

  it('counts the bytes of all iterations under way', () => {
    fc.assert(
      fc.property(staged, ({ steps, stages, tensors }) => {
        const round = roundOf({ steps, stages });
        const live = liveInRound(tensors, round);
        const slots = tensors.flatMap((t) =>
          usedIn(slotsOf(round, t.from, t.to), 0, steps.length).map((slot) => ({ slot, bytes: t.bytes })),
        );
        const expected = round.slots.map((own) =>
          slots.reduce((sum, { slot, bytes }) => (slot % steps.length === own ? sum + bytes : sum), 0),
        );
        expect(live).toEqual(expected);
      }),
    );
  });

  it.each([
    ['placed', allocate],
    ['placed apart', (blocks, capacity, { period } = {}) => allocateApart(blocks, capacity, { period })],
  ] as [string, typeof allocate][])('has a place for each block, %s, that no other one needs', (_name, find) => {
    let shared = 0;
    fc.assert(
      fc.property(staged, fc.integer({ min: 4, max: 60 }), ({ steps, stages, tensors }, units) => {
        const round = roundOf({ steps, stages });
        const blocks = tensors
          .filter(({ from, to }) => endsInTime(round, from, to))
          .map(({ tensor, bytes, from, to }) => ({ key: tensor, bytes, ...slotsOf(round, from, to) }));
        const plan = find(blocks, 64 * units, { period: round.period });
        if (!(plan instanceof Map)) return;
        blocks.forEach((a, i) => {
          for (const b of blocks.slice(i + 1)) {
            if (!isTogether(a, b, round.period)) {
              if (plan.get(a.key) === plan.get(b.key)) shared++;
              continue;
            }
            const [x, y] = [plan.get(a.key) ?? Number.NaN, plan.get(b.key) ?? Number.NaN];
            expect(x + a.bytes <= y || y + b.bytes <= x, `${a.key} ${b.key}`).toBe(true);
          }
        });
      }),
      { numRuns: 200 },
    );
    expect(shared).toBeGreaterThan(10);
  });

  it('lets no place be handed on until the next iteration needs it', () => {
    const round = roundOf({ steps: [0, 1, 2, 3, 4, 5, 6, 7], stages: [4] });
    const chain = [
      { tensor: 'a', bytes: 64, from: 0, to: 2 },
      { tensor: 'b', bytes: 64, from: 2, to: 3, inPlaceOf: 'a' },
      { tensor: 'c', bytes: 64, from: 3, to: 6, inPlaceOf: 'b' },
    ];
    expect(inTime(chain, round)?.map(({ inPlaceOf }) => inPlaceOf)).toEqual([undefined, 'a', undefined]);
    expect(inTime([{ tensor: 'long', bytes: 64, from: 0, to: 7 }], round)).toBeUndefined();
  });
});
