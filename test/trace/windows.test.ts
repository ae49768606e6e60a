import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Windows } from '../../src/trace/windows.ts';

const spans = fc.array(fc.record({ from: fc.nat({ max: 5000 }), length: fc.nat({ max: 900 }), value: fc.integer({ min: 1, max: 9 }) }), {
  maxLength: 20,
});

/** What each cycle sees, added up by window. */
function expected(list: readonly { from: number; length: number; value: number }[], origin: number, end: number, width: number) {
  const windows = Array.from({ length: Math.ceil((end - origin) / width) }, () => ({ sum: 0, most: 0 }));
  for (const { from, length, value } of list) {
    for (let cycle = Math.max(from, origin); cycle < from + length; cycle++) {
      const window = windows[Math.floor((cycle - origin) / width)];
      if (window === undefined) continue;
      window.sum += value;
      window.most = Math.max(window.most, value);
    }
  }
  return windows;
}

it('windows of a run of any length hold what its cycles add up to', () => {
  fc.assert(
    fc.property(spans, fc.nat({ max: 1000 }), (list, origin) => {
      const sums = new Windows(8, origin, (a, b) => a + b);
      const most = new Windows(8, origin, Math.max);
      const end = Math.max(origin + 1, ...list.map((s) => s.from + s.length));
      for (const { from, length, value } of list) {
        sums.add(from, from + length, (cycles) => cycles * value);
        most.add(from, from + length, () => value);
      }
      sums.reach(end);
      most.reach(end);
      expect(most.width).toBe(sums.width);
      expect(sums.width * 8).toBeGreaterThanOrEqual(end - origin);
      const actual = [...sums.before(end)].map(({ value }) => value);
      const windows = expected(list, origin, end, sums.width);
      expect(actual).toEqual(windows.map((w) => w.sum));
      expect([...most.before(end)].map(({ value }) => value)).toEqual(windows.map((w) => w.most));
      expect([...sums.before(end)].reduce((total, { cycles }) => total + cycles, 0)).toBe(end - origin);
    }),
  );
});
