import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MATRIX_SLOTS } from '../../../backends/wavecore/isa/slots.ts';
import { type SlotValues, slotValues, stepsTo } from '../../../backends/wavecore/lowering/configuration.ts';

const WIDE = 40000;
const values = fc.dictionary(fc.constantFrom(...'0123456'), fc.constantFrom(0, 1, WIDE, -WIDE)).map(byNumber);

function byNumber(object: Readonly<Record<string, number>>): SlotValues {
  return new Map(Object.entries(object).map(([slot, value]) => [Number(slot), value]));
}

/** `m.cfg 3=40000, 4=0` for every step. */
function steps(wanted: Readonly<Record<string, number>>, known: Readonly<Record<string, number>> = {}): string[] {
  return stepsTo('matrix', byNumber(wanted), byNumber(known)).map(
    ({ op, settings }) => `${op} ${settings.map(({ slot, value }) => `${slot}=${value}`).join(', ')}`,
  );
}

/** The fewest instructions: every choice of pairs that hold all wide values, and the rest in fours. */
function fewest(wanted: SlotValues, known: SlotValues): number {
  const changing = [...wanted].filter(([slot, value]) => known.get(slot) !== value);
  let least = Number.POSITIVE_INFINITY;
  for (let choice = 0; choice < 2 ** 8; choice++) {
    const inPair = (slot: number): boolean => ((choice >> (slot + 1)) & 1) === 1 || ((choice >> slot) & 1) === 1;
    if (changing.some(([slot, value]) => Math.abs(value) === WIDE && !inPair(slot))) continue;
    const pairs = [...choice.toString(2)].filter((bit) => bit === '1').length;
    least = Math.min(least, pairs + Math.ceil(changing.filter(([slot]) => !inPair(slot)).length / 4));
  }
  return least;
}

describe('steps to a configuration', () => {
  it('are the fewest that set what is wanted, and change nothing that is known', () => {
    fc.assert(
      fc.property(values, values, (wanted, known) => {
        const list = stepsTo('matrix', wanted, known);
        const slots = new Map(known);
        for (const { settings } of list) for (const { slot, value } of settings) slots.set(slot, value);
        for (const [slot, value] of [...known, ...wanted]) expect(slots.get(slot)).toBe(wanted.get(slot) ?? value);
        expect(list.length).toBe(fewest(wanted, known));
      }),
      { numRuns: 2000 },
    );
  });

  it('are four narrow values each, of those that do not hold yet', () => {
    expect(steps({ 0: 1, 4: -32768, 9: 32767, 11: 3, 20: 5, 22: 6 }, { 4: -32768, 9: 1 })).toEqual([
      'm.cfg4 0=1, 9=32767, 11=3, 20=5',
      'm.cfg4 22=6',
    ]);
    expect(steps({ 3: 7, 4: WIDE }, { 3: 7, 4: WIDE })).toEqual([]);
  });

  it('set a wide value together with its neighbour, as it is wanted or known', () => {
    expect(steps({ 3: WIDE, 4: WIDE })).toEqual(['m.cfg 3=40000, 4=40000']);
    expect(steps({ 3: WIDE, 4: 5 })).toEqual(['m.cfg 3=40000, 4=5']);
    expect(steps({ 3: 5, 4: WIDE })).toEqual(['m.cfg 3=5, 4=40000']);
    expect(steps({ 3: 5, 4: WIDE, 5: WIDE })).toEqual(['m.cfg 4=40000, 5=40000', 'm.cfg4 3=5']);
    expect(steps({ 3: 5, 4: WIDE, 5: WIDE, 6: WIDE })).toEqual(['m.cfg 3=5, 4=40000', 'm.cfg 5=40000, 6=40000']);
    expect(steps({ 3: WIDE }, { 4: 9 })).toEqual(['m.cfg 3=40000, 4=9']);
    expect(steps({ 3: WIDE }, { 2: 9 })).toEqual(['m.cfg 2=9, 3=40000']);
    expect(steps({ 3: 32768 })).toEqual(['m.cfg 3=32768, 4=0']);
    expect(steps({ 3: -32769 })).toEqual(['m.cfg 3=-32769, 4=0']);
  });

  it('take slots by name', () => {
    expect([...slotValues(MATRIX_SLOTS, { AK: 2, AMB: 0 })]).toEqual([
      [1, 2],
      [MATRIX_SLOTS.length - 1, 0],
    ]);
  });
});
