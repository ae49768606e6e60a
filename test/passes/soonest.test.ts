import { describe, expect, it } from 'vitest';
import { soonest } from '../../passes/mbs/opt/soonest.ts';

/** What a schedule takes as it is found, in its fastest ways as estimated, and as executed. */
interface Times {
  readonly rough: number;
  readonly estimated: number;
  readonly executed: number;
}

const tried: Times[] = [];
const measured: Times[] = [];

function chosen(candidates: readonly Times[], measures = true): Times | undefined {
  tried.length = 0;
  measured.length = 0;
  return soonest(candidates, {
    roughly: ({ rough }) => rough,
    estimated: (own) => {
      tried.push(own);
      return { scheduled: own, cycles: own.estimated };
    },
    measured: measures
      ? (own) => {
          measured.push(own);
          return { scheduled: own, cycles: own.executed };
        }
      : undefined,
  });
}

describe('the schedule that ends first', () => {
  // The second seems to take longer than the first in its fastest ways, and gains more by its own.
  const searched = { rough: 680, estimated: 610, executed: 616 };
  const greedy = { rough: 720, estimated: 560, executed: 567 };

  it('is found where it seems slower before its ways are tried', () => {
    expect(greedy.rough).toBeGreaterThan(1.15 * searched.estimated);
    expect(chosen([searched, greedy])).toBe(greedy);
    expect(chosen([greedy, searched])).toBe(greedy);
  });

  it('is measured alone where estimates tell it from the others', () => {
    chosen([searched, greedy]);
    expect(measured).toEqual([greedy]);
  });

  it('is told by what is executed where estimates are too close', () => {
    const close = { rough: 700, estimated: 565, executed: 550 };
    expect(chosen([greedy, close])).toBe(close);
    expect(measured).toEqual([close, greedy]);
    expect(chosen([greedy, close], false)).toBe(greedy);
  });

  it('is not looked for among those that are far slower, nor where there are none', () => {
    chosen([greedy, { rough: 2000, estimated: 1, executed: 1 }]);
    expect(tried).toEqual([greedy]);
    expect(chosen([])).toBeUndefined();
  });
});
