import type { Machine } from '../machine/machine.ts';
import { arranger, meet, type Policy } from './arrange.ts';
import { conflictsOf } from './conflicts.ts';
import type { Touch } from './hazards.ts';
import { firstLoads, type Job, withHeads } from './heads.ts';
import { improve, type Passing } from './improve.ts';
import { type Issue, paceOf, Simulation } from './simulate.ts';

/** What the orders that are compared are made by. */
const POLICIES: readonly Policy[] = [2, 6, 12, Number.POSITIVE_INFINITY].flatMap((reach): Policy[] => [
  { reach, vector: 'soonest', leads: false },
  { reach, vector: 'urgent', leads: false },
  { reach, vector: 'urgent', leads: true },
]);

/** At effort 1: tasks that are simulated for the improvement of an order, for each cycle that it takes, and orders for each task. */
const EFFORT = 1 / 12;
const TRIES = 40;
/** Orders for each task behind which starting again finds more than going on, and starts. */
const ENOUGH = 100;
const MOST_STARTS = 4;

/** An order of issue, and the cycles that the tasks are estimated to take in it. */
interface Ordered {
  readonly order: readonly Issue[];
  readonly cycles: number;
}

/**
 * The order in which to issue the tasks of a pass over a group, which runs `times` times: by list scheduling, improved by simulation.
 * @param effort how long to search, as a multiple of the usual; 0: not at all
 */
export function orderOf(jobs: readonly Job[], times: number, machine: Machine, effort: number): Ordered {
  const simulation = simulationOf(jobs, times, machine);
  const start = bestStart(jobs, (issues) => simulation.run(issues, times));
  const { length } = start.order;
  const tries = Math.floor(effort * Math.min(TRIES * length, (EFFORT * start.cycles) / Math.max(1, length)));
  if (tries === 0) return start;
  const starts = Math.min(MOST_STARTS, Math.max(1, Math.floor(tries / (ENOUGH * length))));
  const moves = passing(jobs, times > 1);
  // Two iterations tell orders apart as well as all do.
  const rating: Rating = (issues) => simulation.run(issues, Math.min(2, times));
  const found = Array.from({ length: starts }, (_, i) => improve(start.order, moves, rating, Math.floor(tries / starts), i + 1));
  const { order } = found.reduce((best, other) => (other.cycles < best.cycles ? other : best));
  return { order, cycles: simulation.run(order, times) };
}

type Rating = (order: readonly Issue[]) => number;

function simulationOf(jobs: readonly Job[], times: number, machine: Machine): Simulation {
  const conflicts = conflictsOf(
    jobs.map(({ touches }) => touches),
    times > 1,
  );
  return new Simulation(
    jobs.map(({ cost }) => cost),
    conflicts,
    paceOf(machine),
  );
}

function bestStart(jobs: readonly Job[], cyclesOf: Rating): Ordered {
  let best: Ordered | undefined;
  const arrangedBy = arranger(jobs);
  const leadsNothing = jobs.every(({ turn }) => turn === 0);
  for (const policy of POLICIES) {
    if (policy.leads && leadsNothing) continue;
    const order = withHeads(jobs, arrangedBy(policy));
    const cycles = cyclesOf(order);
    if (best === undefined || cycles < best.cycles) best = { order, cycles };
  }
  return best ?? { order: [], cycles: 0 };
}

/**
 * Tasks may change places that do not touch the same. First loads may come a round ahead where rounds repeat and no round writes to DRAM what they read.
 */
function passing(jobs: readonly Job[], repeats: boolean): Passing {
  const loads = jobs.map(firstLoads);
  const touchesOf = ({ task, head }: Issue): readonly Touch[] => (head ? loads[task] : jobs[task]?.touches) ?? [];
  const number = ({ task, head }: Issue): number => 2 * task + (head ? 1 : 0);
  const known = new Map<number, boolean>();
  const written = new Set(
    jobs.flatMap(({ touches }) => touches.flatMap(({ write, storage }) => (write && storage !== undefined ? [storage] : []))),
  );
  const leads = loads.map((own) => repeats && own.every(({ storage }) => storage === undefined || !written.has(storage)));
  return {
    mayPass: (a, b) => {
      if (a.task === b.task) return false;
      const key = number(a) * 2 * jobs.length + number(b);
      const free = known.get(key) ?? !meet(touchesOf(a), touchesOf(b));
      known.set(key, free);
      return free;
    },
    mayLead: ({ task, head }) => head && leads[task] === true,
  };
}
