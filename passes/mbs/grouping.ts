import { Cuts } from './cut.ts';
import type { Draft } from './draft.ts';
import { mergeGreedily, mergeOf } from './greedy.ts';
import { demandsOf, initialRanges } from './initial.ts';
import type { Merge } from './merge.ts';
import type { Planner } from './planner.ts';
import { regroup } from './regroup.ts';
import type { Policy } from './residency.ts';

/** Shares of the buffer that the first groups are made for: a greedy grouping depends on where it starts. */
const STARTS = [1, 1 / 2, 0.35, 1 / 4, 1 / 8];

/**
 * Greedy grouping of `layers [from, to)`: runs of units with equal iterations, then the best adjacent merge while one lowers traffic.
 * The best of several starts; its boundaries are then drawn anew where that lowers traffic. `onMerge` hears of every merge that was
 * considered on the way to it, once, when it is decided.
 */
export function groupGreedily(
  planner: Planner,
  from: number,
  to: number,
  policy: Policy,
  onMerge: (merge: Merge) => void,
): readonly Draft[] {
  const demands = demandsOf(planner, from, to, policy);
  const cuts = new Cuts(planner, policy);
  const ways = STARTS.map((share) => mergeGreedily(planner, initialRanges(planner, demands, share), policy, cuts));
  const best = ways.reduce((a, b) => (b.traffic < a.traffic ? b : a));
  for (const decision of best.decisions) onMerge(mergeOf(planner.network, decision));
  return regroup(
    planner,
    best.drafts,
    ways.flatMap(({ drafts }) => drafts.map((draft) => draft.from)),
    policy,
  );
}
