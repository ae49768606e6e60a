import type { Touch } from './hazards.ts';

/** Estimated cycles of a task on the units that compute. */
export interface Cost {
  readonly matrix: number;
  readonly vector: number;
}

interface Job {
  readonly touches: readonly Touch[];
  readonly cost: Cost;
}

/** What of a task that is more urgent may be waited for, as a share of the task that could begin now. */
const PATIENCE = 0.1;

/**
 * An order in which to issue tasks so that the units work at the same time: by list scheduling on estimated durations, the task with the
 * longest way to the end first among those that can begin. Tasks that touch the same, one of them writing, keep the order given.
 */
export function arrange(jobs: readonly Job[]): number[] {
  const before = jobs.map((job, i) => jobs.slice(0, i).flatMap((earlier, j) => (meet(earlier.touches, job.touches) ? [j] : [])));
  const urgency = urgencyOf(jobs, before);
  const free = { matrix: 0, vector: 0 };
  const end = new Array<number>(jobs.length).fill(-1);
  const left = new Set(jobs.keys());
  const order: number[] = [];
  while (left.size > 0) {
    let best: { readonly job: number; readonly start: number } | undefined;
    for (const job of left) {
      if (before[job]?.some((j) => left.has(j))) continue;
      const start = startOf(jobs[job]?.cost, free, Math.max(0, ...(before[job] ?? []).map((j) => end[j] ?? 0)));
      if (best === undefined || better(job, start, best.job, best.start)) best = { job, start };
    }
    if (best === undefined) break;
    const { matrix = 0, vector = 0 } = jobs[best.job]?.cost ?? {};
    if (matrix > 0) free.matrix = best.start + matrix;
    if (vector > 0) free.vector = best.start + vector;
    end[best.job] = best.start + Math.max(matrix, vector);
    left.delete(best.job);
    order.push(best.job);
  }
  return order;

  /** Whether a task should be issued before another that begins at `other`. */
  function better(job: number, start: number, rival: number, other: number): boolean {
    // Vector layers take few places in a queue: they wait there while the tasks of the matrix unit behind them are issued.
    const [vector, rivalVector] = [(jobs[job]?.cost.matrix ?? 0) === 0, (jobs[rival]?.cost.matrix ?? 0) === 0];
    if (vector !== rivalVector) return vector;
    if (vector) return start < other;
    const [mine, its] = [lengthOf(jobs[job]), lengthOf(jobs[rival])];
    if ((urgency[job] ?? 0) > (urgency[rival] ?? 0)) return start <= other + PATIENCE * its;
    return start + PATIENCE * mine < other;
  }
}

function lengthOf(job: Job | undefined): number {
  return job === undefined ? 0 : Math.max(job.cost.matrix, job.cost.vector);
}

function startOf(cost: Cost | undefined, free: Cost, ready: number): number {
  let start = ready;
  if ((cost?.matrix ?? 0) > 0) start = Math.max(start, free.matrix);
  if ((cost?.vector ?? 0) > 0) start = Math.max(start, free.vector);
  return start;
}

/** Cycles from the start of each task to the end of the last that depends on it. */
function urgencyOf(jobs: readonly Job[], before: readonly (readonly number[])[]): number[] {
  const urgency = jobs.map(lengthOf);
  for (let i = jobs.length - 1; i >= 0; i--)
    for (const j of before[i] ?? []) urgency[j] = Math.max(urgency[j] ?? 0, lengthOf(jobs[j]) + (urgency[i] ?? 0));
  return urgency;
}

/** Whether two tasks touch the same bytes, one of them writing. */
export function meet(a: readonly Touch[], b: readonly Touch[]): boolean {
  return a.some((x) => b.some((y) => (x.write || y.write) && x.storage === y.storage && x.from < y.to && y.from < x.to));
}
