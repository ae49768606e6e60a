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

const loadsOf = (cycles: number): Job['cost']['heads'] => (cycles === 0 ? [] : [{ cycles, instructions: 2 }]);

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
    cost: { heads: loadsOf(1000 * loads.length), first: 1, load: 0, passes: 1, store: 0, turns: 1, returns: false, ...own },
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

const noCost = { heads: [], first: 1, load: 0, matrix: 0, vector: 0, passes: 1, store: 0, turns: 1, returns: false } as const;

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

  /** What is issued in so many rounds, each with the round that it works for. */
  const issuedIn = (order: readonly Issue[], rounds: number): (Issue & { readonly round: number })[] => [
    ...order.filter(({ ahead }) => ahead).map((issue) => ({ ...issue, round: 0 })),
    ...Array.from({ length: rounds }, (_, round) => order.map((issue) => ({ ...issue, round: round + (issue.ahead ? 1 : 0) }))).flat(),
  ];

  it('keeps the order of what meets, leaves none out, and loads ahead at most once', () => {
    fc.assert(
      fc.property(lists, fc.constantFrom(1, 3), (jobs, times) => {
        const { order } = orderOf(jobs, times, machine, 1);
        expect(order.flatMap(({ task, head }) => (head ? [] : [task])).sort((a, b) => a - b)).toEqual([...jobs.keys()]);
        if (times === 1) expect(order.filter(({ ahead }) => ahead)).toEqual([]);
        const issued = issuedIn(order, times).filter(({ round }) => round < times);
        issued.forEach((issue, at) => {
          const { task, head, round } = issue;
          const behind = issued.slice(at + 1);
          if (head)
            expect(behind.filter((later) => later.task === task && later.round === round).map((later) => later.head)).toEqual([false]);
          for (const later of behind)
            if (later.round < round || (later.round === round && later.task < task))
              expect(meet(touchesOf(jobs, issue), touchesOf(jobs, later))).toBe(false);
        });
      }),
      { numRuns: 30 },
    );
  });

  /** A layer that loads much, and one that computes long beside it, on what the first has made. */
  const pair = [
    {
      ...job({ unit: 'vector', cycles: 500, loads: [0, 1], reads: [], writes: [2] }, 0),
      cost: { ...noCost, heads: loadsOf(8000), vector: 500 },
    },
    { ...job({ unit: 'matrix', cycles: 9000, loads: [], reads: [2], writes: [3] }, 1), cost: { ...noCost, matrix: 9000 } },
  ];

  it('loads a round ahead what the first layers of a round need', () => {
    const { order, cycles } = orderOf(pair, 10, machine, 10);
    expect(order).toContainEqual({ task: 0, head: true, ahead: true });
    expect(cycles).toBeLessThan(0.7 * cyclesOf(pair, inOrder(pair), 10));
  });

  it('is told by the instructions of first loads, which fill the queue that later tasks pass', () => {
    const cyclesBehind = (instructions: number): number => {
      const loading = { ...job({ unit: 'vector', cycles: 500, loads: [0], reads: [], writes: [2] }), cost: { ...noCost, vector: 500 } };
      const heads = [
        { cycles: 8000, instructions: 1 },
        { cycles: 8000, instructions },
      ];
      const jobs = [
        { ...loading, cost: { ...loading.cost, heads } },
        { ...job({ unit: 'matrix', cycles: 9000, loads: [], reads: [], writes: [3] }, 1), cost: { ...noCost, matrix: 9000 } },
      ];
      const order = [
        { task: 0, head: true },
        { task: 1, head: false },
        { task: 0, head: false },
      ];
      return cyclesOf(jobs, order);
    };
    expect(cyclesBehind(machine.queueDepth + 2)).toBeGreaterThan(cyclesBehind(2) + 500);
  });

  it('is told by totals that the vector unit clears only behind what it was given before', () => {
    const gathering: Job = {
      ...job({ unit: 'matrix', cycles: 5000, loads: [], reads: [], writes: [3] }, 1),
      cost: { ...noCost, matrix: 5000, gathers: true },
    };
    const busy = job({ unit: 'vector', cycles: 20_000, loads: [], reads: [], writes: [5] });
    const head = { task: 1, head: true };
    const bodies = [
      { task: 0, head: false },
      { task: 1, head: false },
    ];
    const [behind, before] = [
      cyclesOf([busy, gathering], [bodies[0] ?? head, head, ...bodies.slice(1)]),
      cyclesOf([busy, gathering], [head, ...bodies]),
    ];
    expect(behind).toBeGreaterThan(before + 4000);
  });

  it('does not where a round writes to DRAM what the next one loads', () => {
    const storage = { storage: 'sums', from: 0, to: 8, moves: true } as const;
    const [loading = expect.unreachable(), computing = expect.unreachable()] = pair;
    const jobs: Job[] = [
      { ...loading, touches: [...loading.touches, { ...storage, queue: 'load', write: false }] },
      { ...computing, touches: [...computing.touches, { ...storage, queue: 'store', write: true }] },
    ];
    expect(orderOf(jobs, 10, machine, 10).order.filter(({ ahead }) => ahead)).toEqual([]);
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
