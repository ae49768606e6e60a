import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DramCalendar } from '../../../backends/wavecore/interpreter/dram-calendar.ts';

/** The obvious calendar: one flag a cycle. */
class Cycles {
  private readonly busy = new Set<number>();
  /** The cycles of the last transfer. */
  last: number[] = [];

  reserve(start: number, cycles: number): number {
    let time = start;
    this.last = [];
    for (let left = cycles; left > 0; time++) {
      if (this.busy.has(time)) continue;
      this.busy.add(time);
      this.last.push(time);
      left--;
    }
    return time;
  }
}

describe('DRAM calendar', () => {
  it('gives an older transfer its time and a younger one what is left, in fragments', () => {
    const calendar = new DramCalendar();
    expect(calendar.reserve(0, 4)).toBe(4);
    expect(calendar.reserve(10, 4)).toBe(14);
    expect(calendar.reserve(2, 3)).toBe(7);
    expect(calendar.reserve(5, 6)).toBe(17);
    expect(calendar.reserve(0, 1)).toBe(18);
  });

  it('fills a gap exactly', () => {
    const calendar = new DramCalendar();
    calendar.reserve(0, 2);
    calendar.reserve(5, 2);
    expect(calendar.reserve(0, 3)).toBe(5);
    expect(calendar.reserve(0, 1)).toBe(8);
  });

  it('reserves the cycles that a calendar of single cycles reserves, pruned or not', () => {
    const transfers = fc.array(
      fc.record({ start: fc.nat({ max: 60 }), cycles: fc.integer({ min: 1, max: 12 }), floor: fc.nat({ max: 5 }) }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(transfers, (list) => {
        const [calendar, cycles] = [new DramCalendar(), new Cycles()];
        let floor = 0;
        for (const t of list) {
          floor += t.floor;
          calendar.prune(floor);
          const fragments: number[] = [];
          const end = calendar.reserve(floor + t.start, t.cycles, (from, to) => {
            for (let cycle = from; cycle < to; cycle++) fragments.push(cycle);
          });
          expect(end).toBe(cycles.reserve(floor + t.start, t.cycles));
          expect(fragments).toEqual(cycles.last);
        }
      }),
    );
  });
});
