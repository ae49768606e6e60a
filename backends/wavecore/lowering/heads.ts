import { type Arranged, meet } from './arrange.ts';
import type { Cost } from './cost.ts';
import type { Touch } from './hazards.ts';
import type { Issue } from './simulate.ts';

/** A task to be ordered. */
export interface Job {
  readonly touches: readonly Touch[];
  readonly cost: Cost;
  readonly step: number;
  readonly turn: number;
  readonly part: number;
}

/** Tasks that compute on the vector unit alone that a load may overtake, where none of the matrix unit stands between. */
const MOST_OVERTAKEN = 4;

/** An order of issue, the first loads of each task one task of the matrix unit ahead where nothing in between stands against it. */
export function withHeads(jobs: readonly Job[], issues: readonly Arranged[]): Issue[] {
  const ends = new Map(issues.map(({ job, end }) => [job, end]));
  const order = issues.map(({ job }) => job);
  /** By position: the tasks whose first loads are issued before the task there, those first that can load first. */
  const heads = order.map((): { readonly job: number; readonly ready: number }[] => []);
  order.forEach((job, i) => {
    const loads = firstLoads(jobs[job]);
    if (loads.length === 0) return;
    let at = i;
    while (at > 0 && i - at < MOST_OVERTAKEN && !meet(jobs[order[at - 1] ?? job]?.touches ?? [], loads)) {
      at--;
      if ((jobs[order[at] ?? job]?.cost.matrix ?? 0) > 0) break;
    }
    const after = (issues[i]?.after ?? []).filter((other) => meet(jobs[other]?.touches ?? [], loads));
    heads[at]?.push({ job, ready: Math.max(0, ...after.map((other) => ends.get(other) ?? 0)) });
  });
  return order.flatMap((job, i) => [
    ...(heads[i] ?? []).sort((a, b) => a.ready - b.ready).map((first) => ({ task: first.job, head: true })),
    { task: job, head: false },
  ]);
}

/** The loads, and what goes with them, that may be issued before the task. */
export function firstLoads(job: { readonly touches: readonly Touch[] } | undefined): Touch[] {
  return (job?.touches ?? []).filter(({ queue, late, early }) => (queue === 'load' && late !== true) || early === true);
}
