import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arranger, meet, type Policy } from '../../../backends/wavecore/lowering/arrange.ts';
import type { Touch } from '../../../backends/wavecore/lowering/hazards.ts';

type Job = Parameters<typeof arranger>[0][number];

/** A job that reads some unit ranges of the buffer and writes others. */
function job(unit: 'matrix' | 'vector', cycles: number, reads: readonly number[], writes: readonly number[], part = 0): Job {
  const touch = (write: boolean) => (at: number) => ({ queue: unit, write, from: at, to: at + 1 });
  return {
    touches: [...reads.map(touch(false)), ...writes.map(touch(true))],
    cost: { matrix: 0, vector: 0, [unit]: cycles },
    step: 0,
    turn: 0,
    part,
  };
}
const FREELY: Policy = { reach: Number.POSITIVE_INFINITY, vector: 'soonest', leads: false };
const orderOf = (jobs: readonly Job[], policy: Partial<Policy> = {}): number[] =>
  arranger(jobs)({ ...FREELY, ...policy }).map((issue) => issue.job);

describe('the order in which tasks are issued', () => {
  it('lets the vector unit work on one part while the array is on the other', () => {
    const first = [job('matrix', 10, [], [0], 0), job('matrix', 10, [], [1], 1)];
    const second = [job('vector', 8, [0], [2], 0), job('vector', 8, [1], [3], 1)];
    expect(orderOf([...first, ...second])).toEqual([0, 2, 1, 3]);
  });

  it('issues what would begin after a task of the matrix unit behind it', () => {
    const jobs = [job('matrix', 10, [], [0]), job('matrix', 10, [], [1]), job('vector', 20, [0], [2]), job('vector', 5, [2], [3])];
    expect(orderOf(jobs)).toEqual([0, 2, 1, 3]);
  });

  it('fills the time of the matrix unit with what is not urgent', () => {
    const gradient = job('matrix', 10, [0], [1]);
    const weights = job('matrix', 10, [0], [9]);
    const layers = [job('vector', 9, [1], [2]), job('matrix', 10, [2], [3]), job('vector', 9, [3], [4])];
    expect(orderOf([weights, gradient, ...layers])).toEqual([1, 2, 0, 3, 4]);
  });

  it('keeps within the reach', () => {
    const ahead = (step: number): Job => ({ ...job('vector', 5, [], [step]), step });
    const late = { ...job('matrix', 50, [], [9]), step: 0 };
    const later = { ...job('vector', 5, [9], [10]), step: 1 };
    expect(orderOf([late, later, ahead(3), ahead(4)], { reach: 1 })).toEqual([0, 1, 2, 3]);
    expect(orderOf([late, later, ahead(3), ahead(4)])).toEqual([2, 3, 0, 1]);
  });

  it('takes the more urgent task of the vector unit, or that of the iteration that leads, where the policy says so', () => {
    const jobs = [job('vector', 5, [], [0]), job('vector', 5, [], [1]), job('matrix', 50, [1], [2])];
    const urgent: Partial<Policy> = { vector: 'urgent' };
    expect(orderOf(jobs)).toEqual([0, 1, 2]);
    expect(orderOf(jobs, urgent)).toEqual([1, 0, 2]);
    const turns = jobs.map((j, i) => ({ ...j, turn: i === 0 ? 0 : 1 }));
    expect(orderOf(turns, { ...urgent, leads: true })).toEqual([0, 1, 2]);
  });

  it('keeps the order of tasks that touch the same, and leaves none out', () => {
    const touch = fc.record({ write: fc.boolean(), from: fc.integer({ min: 0, max: 9 }) });
    const any = fc
      .record({ matrix: fc.boolean(), cycles: fc.integer({ min: 1, max: 50 }), touches: fc.array(touch, { maxLength: 3 }) })
      .map(({ matrix, cycles, touches }): Job => {
        const queue = matrix ? 'matrix' : 'vector';
        const all = touches.map(({ write, from }): Touch => ({ queue, write, from, to: from + 2 }));
        return { touches: all, cost: { matrix: 0, vector: 0, [queue]: cycles }, step: 0, turn: cycles % 2, part: cycles % 2 };
      });
    fc.assert(
      fc.property(
        fc.array(any, { maxLength: 12 }),
        fc.constantFrom<Policy['vector']>('soonest', 'urgent'),
        fc.boolean(),
        (jobs, vector, leads) => {
          const order = orderOf(jobs, { vector, leads });
          expect([...order].sort((a, b) => a - b)).toEqual([...jobs.keys()]);
          jobs.forEach((later, j) => {
            jobs.slice(0, j).forEach((earlier, i) => {
              if (meet(earlier.touches, later.touches)) expect(order.indexOf(i)).toBeLessThan(order.indexOf(j));
            });
          });
        },
      ),
    );
  });
});
