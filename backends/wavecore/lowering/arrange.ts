import type { Cost } from './cost.ts';
import type { Touch } from './hazards.ts';
import { Ranges } from './ranges.ts';

interface Job {
  readonly touches: readonly Touch[];
  readonly cost: Pick<Cost, 'matrix' | 'vector'>;
  readonly step: number;
  /** Of the iterations that are issued together. */
  readonly turn: number;
  /** Which part of the sub-batch; the first ones go ahead, so that the other unit has something to begin with. */
  readonly part: number;
}

/** Which of the tasks that can begin goes first. */
export interface Policy {
  /** Steps that a task may be issued ahead of the first that is not: far ahead, units wait less and places of the buffer are taken longer. */
  readonly reach: number;
  /** Of the vector unit: the one that can begin `soonest`, or the most `urgent`. */
  readonly vector: 'soonest' | 'urgent';
  /** The first of the iterations that are issued together goes ahead of the others, so that these have work for the units that it leaves idle. */
  readonly leads: boolean;
}

/** What of a task that is more urgent may be waited for, as a share of the task that could begin now. */
const PATIENCE = 0.6;

/** A job, and when it is estimated to end. */
export interface Arranged {
  readonly job: number;
  readonly end: number;
  /** Jobs that it must come after; others only where these follow them. */
  readonly after: readonly number[];
}

/**
 * An order in which to issue tasks so that the units work at the same time: by list scheduling on estimated durations, the task with the
 * longest way to the end first among those that can begin. Tasks that touch the same, one of them writing, keep the order given.
 *
 * While a task of the matrix unit is issued, nothing else is: its queue is always full. So what the vector unit is to do
 * meanwhile is issued before it, and nothing that comes later, because its stores would hold up those of the matrix unit.
 */
export function arranger(jobs: readonly Job[]): (policy: Policy) => Arranged[] {
  const before = dependencies(jobs);
  const urgency = urgencyOf(jobs, before);
  const longest = Math.max(0, ...urgency);
  const leading = urgency.map((cycles, job) => (jobs[job]?.turn === 0 ? cycles + longest : cycles));
  return (policy) => arranged(jobs, before, policy.leads ? leading : urgency, policy);
}

function arranged(
  jobs: readonly Job[],
  before: readonly (readonly number[])[],
  urgency: readonly number[],
  { reach, vector: policy }: Policy,
): Arranged[] {
  const behind = jobs.map((): number[] => []);
  before.forEach((list, job) => {
    for (const j of list) behind[j]?.push(job);
  });
  const free = { matrix: 0, vector: 0 };
  const end = new Array<number>(jobs.length).fill(-1);
  /** Of each job, those that must be issued before it and are not. */
  const missing = before.map((list) => list.length);
  const open = new Set([...jobs.keys()].filter((job) => missing[job] === 0));
  const order: Arranged[] = [];

  const startOf = (job: number): number => {
    const ready = Math.max(0, ...(before[job] ?? []).map((j) => end[j] ?? 0));
    return Math.max(ready, isMatrix(jobs[job]) ? free.matrix : free.vector);
  };
  const issue = (job: number): void => {
    end[job] = startOf(job) + lengthOf(jobs[job]);
    free[isMatrix(jobs[job]) ? 'matrix' : 'vector'] = end[job] ?? 0;
    open.delete(job);
    for (const next of behind[job] ?? []) {
      missing[next] = (missing[next] ?? 0) - 1;
      if (missing[next] === 0) open.add(next);
    }
    order.push({ job, end: end[job] ?? 0, after: before[job] ?? [] });
  };
  while (open.size > 0) {
    const lowest = Math.min(...[...open].map((job) => jobs[job]?.step ?? 0));
    const ready = [...open]
      .filter((job) => (jobs[job]?.step ?? 0) <= lowest + reach)
      .sort((a, b) => a - b)
      .map((job) => ({ job, start: startOf(job) }));
    const matrix = ready.filter(({ job }) => isMatrix(jobs[job])).reduce<Candidate | undefined>(better, undefined);
    const vector = ready
      .filter(({ job }) => !isMatrix(jobs[job]))
      .reduce<Candidate | undefined>(policy === 'urgent' ? better : sooner, undefined);
    if (vector !== undefined && (matrix === undefined || vector.start < matrix.start + lengthOf(jobs[matrix.job]))) issue(vector.job);
    else if (matrix !== undefined) issue(matrix.job);
    else break;
  }
  return order;

  /** The one that can begin earlier, or belongs to an earlier part. */
  function sooner(best: Candidate | undefined, rival: Candidate): Candidate {
    if (best === undefined || rival.start < best.start) return rival;
    return rival.start === best.start && (jobs[rival.job]?.part ?? 0) < (jobs[best.job]?.part ?? 0) ? rival : best;
  }

  /** The more urgent one, unless the other can begin much earlier. */
  function better(best: Candidate | undefined, rival: Candidate): Candidate {
    if (best === undefined) return rival;
    const [first, second] = (urgency[rival.job] ?? 0) > (urgency[best.job] ?? 0) ? [rival, best] : [best, rival];
    return first.start <= second.start + PATIENCE * lengthOf(jobs[second.job]) ? first : second;
  }
}

interface Candidate {
  readonly job: number;
  readonly start: number;
}

function isMatrix(job: Job | undefined): boolean {
  return (job?.cost.matrix ?? 0) > 0;
}

function lengthOf(job: Job | undefined): number {
  return job === undefined ? 0 : Math.max(job.cost.matrix, job.cost.vector);
}

/** Cycles from the start of each task to the end of the last that depends on it. */
function urgencyOf(jobs: readonly Job[], before: readonly (readonly number[])[]): number[] {
  const urgency = jobs.map(lengthOf);
  for (let i = jobs.length - 1; i >= 0; i--)
    for (const j of before[i] ?? []) urgency[j] = Math.max(urgency[j] ?? 0, lengthOf(jobs[j]) + (urgency[i] ?? 0));
  return urgency;
}

/** For each job the ones before it that touch the same, one of the two writing, but for those that others of them follow. */
function dependencies(jobs: readonly Job[]): number[][] {
  const users = new Ranges<{ writer: number; readers: number[] }>(
    () => ({ writer: -1, readers: [] }),
    ({ writer, readers }) => ({ writer, readers: [...readers] }),
  );
  return jobs.map(({ touches }, job) => {
    const before = new Set<number>();
    for (const { write, storage, from, to } of touches) {
      users.visit(storage, from, to, ({ writer, readers }) => {
        if (writer >= 0) before.add(writer);
        if (write) for (const reader of readers) before.add(reader);
      });
    }
    for (const { write, storage, from, to } of touches) {
      users.visit(storage, from, to, (use) => {
        if (write) {
          use.writer = job;
          use.readers.length = 0;
        } else if (use.writer !== job && use.readers.at(-1) !== job) use.readers.push(job);
      });
    }
    before.delete(job);
    return [...before];
  });
}

/** Whether two tasks touch the same bytes, one of them writing. */
export function meet(a: readonly Touch[], b: readonly Touch[]): boolean {
  return a.some((x) => b.some((y) => (x.write || y.write) && x.storage === y.storage && x.from < y.to && y.from < x.to));
}
