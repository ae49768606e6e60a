import type { Draft } from './draft.ts';
import type { Planner } from './planner.ts';
import type { Policy } from './residency.ts';
import { subBatches } from './sizes.ts';
import { type Range, unitsOf } from './units.ts';

/** Runs that a group is cut into at most. */
const MOST_RUNS = 9;

/** A group, and the groups that it is cut into. */
export interface Cut {
  readonly whole: Draft;
  readonly parts: readonly Draft[];
}

/** The cut of a group around the units that hold down the sub-batch of the others, where that lowers traffic most. */
export function bestCut(planner: Planner, drafts: readonly Draft[], policy: Policy): Cut | undefined {
  let best: Cut | undefined;
  let most = 0;
  for (const draft of drafts) {
    for (const ranges of cutsOf(planner, draft, policy)) {
      const parts = ranges.flatMap(({ from, to }) => planner.tryDraft(from, to, policy) ?? []);
      const saving = parts.reduce((rest, part) => rest - part.traffic, draft.traffic);
      if (parts.length < ranges.length || saving <= most) continue;
      most = saving;
      best = { whole: draft, parts };
    }
  }
  return best;
}

/** For every larger sub-batch size: the runs of units that fit it and those that do not, in turn. */
function cutsOf(planner: Planner, draft: Draft, policy: Policy): Range[][] {
  const { network } = planner;
  const units = unitsOf(network, draft.from, draft.to);
  const larger = subBatches(network.batch).filter((subBatch) => subBatch > draft.subBatch);
  return larger.flatMap((subBatch) => {
    const fits = planner.fitsAt(draft.from, draft.to, policy, subBatch);
    const runs: { from: number; to: number; fits: boolean }[] = [];
    for (const { from, to } of units) {
      const isFit = fits.slice(from - draft.from, to - draft.from).every(Boolean);
      const last = runs.at(-1);
      if (last?.fits === isFit) last.to = to;
      else runs.push({ from, to, fits: isFit });
    }
    return runs.length > 1 && runs.length <= MOST_RUNS ? [runs] : [];
  });
}
