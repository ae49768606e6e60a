import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meet } from '../../../backends/wavecore/lowering/arrange.ts';
import { conflictsOf } from '../../../backends/wavecore/lowering/conflicts.ts';
import type { Touch } from '../../../backends/wavecore/lowering/hazards.ts';
import { firstLoads, type Job } from '../../../backends/wavecore/lowering/heads.ts';
import { orderOf } from '../../../backends/wavecore/lowering/order.ts';
import { QUEUES, type Queue } from '../../../backends/wavecore/lowering/queues.ts';
import { type Issue, paceOf, Simulation } from '../../../backends/wavecore/lowering/simulate.ts';
import { PRESETS } from '../../../backends/wavecore/machine/presets.ts';

const machine = PRESETS.wavecore ?? expect.unreachable();

interface Shape {
  readonly unit: 'matrix' | 'vector';
  readonly cycles: number;
  readonly loads: readonly number[];
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** A job on unit ranges of the buffer; what it loads comes first, each range in 1000 cycles. */
function job({ unit, cycles, loads, reads, writes }: Shape, step = 0): Job {
  const touch = (queue: Queue, write: boolean) => (at: number) => ({ queue, write, from: at, to: at + 1 });
  const own = { matrix: 0, vector: 0, [unit]: cycles };
  return {
    touches: [
      ...loads.map(touch('load', true)),
      ...loads.map(touch(unit, false)),
      ...reads.map(touch(unit, false)),
      ...writes.map(touch(unit, true)),
    ],
    cost: { head: 1000 * loads.length, load: 0, passes: 1, store: 0, turns: 1, returns: false, ...own },
    step,
    turn: 0,
    part: 0,
  };
}

function cyclesOf(jobs: readonly Job[], order: readonly Issue[], times = 1): number {
  const conflicts = conflictsOf(
    jobs.map(({ touches }) => touches),
    times > 1,
  );
  return new Simulation(
    jobs.map(({ cost }) => cost),
    conflicts,
    paceOf(machine),
  ).run(order, times);
}

const inOrder = (jobs: readonly Job[]): Issue[] => jobs.map((_, task) => ({ task, head: false }));
const ranges = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 2 });
const shapes = fc.record({
  unit: fc.constantFrom('matrix' as const, 'vector' as const),
  cycles: fc.integer({ min: 100, max: 20_000 }),
  loads: ranges,
  reads: ranges,
  writes: ranges,
});
const lists = fc.array(shapes, { minLength: 1, maxLength: 10 }).map((all) => all.map((shape, step) => job(shape, step)));

describe('an estimate', () => {
  const product: Shape = { unit: 'matrix', cycles: 50_000, loads: [], reads: [], writes: [0] };
  const layer: Shape = { unit: 'vector', cycles: 40_000, loads: [], reads: [], writes: [1] };

  it('lets units work at the same time where they share nothing', () => {
    const jobs = [job(layer), job(product)];
    expect(cyclesOf(jobs, inOrder(jobs))).toBeLessThan(51_000);
    const after = [job(product), job({ ...layer, reads: [0] })];
    expect(cyclesOf(after, inOrder(after))).toBeGreaterThan(90_000);
  });

  it('issues nothing beside a product that is not issued yet', () => {
    const jobs = [job(product), job(layer)];
    expect(cyclesOf(jobs, inOrder(jobs))).toBeGreaterThan(85_000);
  });

  it('counts what iterations wait for each other', () => {
    const jobs = [job({ ...layer, reads: [0] }), job(product)];
    const apart = [job(layer), job(product)];
    expect(cyclesOf(apart, inOrder(apart), 10)).toBeLessThan(560_000);
    expect(cyclesOf(jobs, inOrder(jobs), 10)).toBeGreaterThan(850_000);
  });
});

describe('conflicts', () => {
  it('hold for all tasks that meet on different queues, directly or by others', () => {
    fc.assert(
      fc.property(lists, (jobs) => {
        const conflicts = conflictsOf(
          jobs.map(({ touches }) => touches),
          false,
        );
        // What has completed before a task's work on a queue begins, computed from conflicts and what holds within a task and a queue.
        const done = jobs.map(() => QUEUES.map(() => new Set<string>()));
        jobs.forEach(({ touches }, t) => {
          for (const queue of ['load', 'matrix', 'vector', 'store'] as const) {
            const q = QUEUES.indexOf(queue);
            const known = done[t]?.[q];
            if (known === undefined || !touches.some((touch) => touch.queue === queue)) continue;
            const add = (task: number, from: number): void => {
              known.add(`${task} ${from}`);
              for (const other of done[task]?.[from] ?? []) known.add(other);
            };
            for (const before of conflicts[t]?.[q] ?? []) add(before.task, before.queue);
            if (queue !== 'load') add(t, QUEUES.indexOf('load'));
            for (let p = 0; p < t; p++) if (jobs[p]?.touches.some((touch) => touch.queue === queue)) add(p, q);
          }
        });
        jobs.forEach((later, t) => {
          jobs.slice(0, t).forEach((earlier, p) => {
            for (const a of earlier.touches)
              for (const b of later.touches)
                if (a.queue !== b.queue && meet([a], [b]))
                  expect(done[t]?.[QUEUES.indexOf(b.queue)]).toContain(`${p} ${QUEUES.indexOf(a.queue)}`);
          });
        });
      }),
    );
  });
});

describe('the order of issue', () => {
  const touchesOf = (jobs: readonly Job[], { task, head }: Issue): readonly Touch[] =>
    head ? firstLoads(jobs[task]) : (jobs[task]?.touches ?? []);

  it('keeps the order of what meets, leaves none out, and loads ahead at most once', () => {
    fc.assert(
      fc.property(lists, fc.constantFrom(1, 3), (jobs, times) => {
        const { order } = orderOf(jobs, times, machine, 1);
        expect(order.flatMap(({ task, head }) => (head ? [] : [task])).sort((a, b) => a - b)).toEqual([...jobs.keys()]);
        order.forEach((issue, at) => {
          if (issue.head) expect(order.slice(at + 1)).toContainEqual({ task: issue.task, head: false });
          if (issue.head) expect(order.slice(at + 1)).not.toContainEqual(issue);
          for (const later of order.slice(at + 1))
            if (later.task < issue.task) expect(meet(touchesOf(jobs, issue), touchesOf(jobs, later))).toBe(false);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('is never slower than the order given, by the estimate', () => {
    const samples = (step: number): Job[] =>
      [0, 1].map((sample) => ({
        ...job(
          {
            unit: step % 2 === 0 ? 'vector' : 'matrix',
            cycles: 9000,
            loads: [],
            reads: [10 * step + sample],
            writes: [10 * step + 10 + sample],
          },
          step,
        ),
        part: sample,
      }));
    const jobs = Array.from({ length: 6 }, (_, step) => samples(step)).flat();
    expect(cyclesOf(jobs, orderOf(jobs, 1, machine, 1).order)).toBeLessThan(0.85 * cyclesOf(jobs, inOrder(jobs)));
  });
});
