import type { Group } from '../schedule.ts';
import type { Ways } from './ways.ts';

/** Iterations, at most, of groups that may become one: theirs move weights hardly more often as one. */
const MOST_ITERATIONS = 2;

/** Adjacent groups of a schedule, [from, to), as one. */
export interface Joined {
  readonly from: number;
  readonly to: number;
  readonly group: Group;
}

/**
 * Runs of adjacent backward groups of few iterations as one group each: where traffic made several of them, each ends before the next begins, and what
 * one of them waits for, the work of another could hide.
 */
export function joinedRuns(groups: readonly Group[], { planner, views }: Ways): Joined[] {
  const runs: Joined[] = [];
  for (let from = 0; from < groups.length; ) {
    let to = from;
    while (groups[to]?.phase === 'backward' && (groups[to]?.iterations ?? 0) <= MOST_ITERATIONS) to++;
    const own = groups.slice(from, to).flatMap(({ steps }) => steps.flatMap(({ layer }) => views.get(layer)?.index ?? []));
    const draft = to - from > 1 ? planner.tryDraft(Math.min(...own), Math.max(...own) + 1, 'group') : undefined;
    if (draft !== undefined) runs.push({ from, to, group: planner.place(draft, 'group') });
    from = Math.max(to, from + 1);
  }
  return runs;
}
