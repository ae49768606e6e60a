import type { Draft } from './draft.ts';
import type { Planner } from './planner.ts';
import type { Policy } from './residency.ts';
import { unitsOf } from './units.ts';

/** Units of a phase up to which all groupings are compared. */
const EXACT = 24;
/** Units by which a boundary of a longer phase may move at once, and such boundaries that may lie within a new group. */
const SHIFT = 3;
const CROSSED = 2;
/** Cuts within a group on the whole mini-batch that save nothing, one after the other: what goes on over all of them has no use for the group. */
const MOST_USELESS = 8;

/**
 * The grouping with the least traffic over all boundaries of a short phase. Of a longer one, over `boundaries` at first, and then over those near its
 * own as long as that lowers traffic.
 */
export function regroup(planner: Planner, drafts: readonly Draft[], boundaries: readonly number[], policy: Policy): readonly Draft[] {
  const [from, to] = [drafts[0]?.from ?? 0, drafts.at(-1)?.to ?? 0];
  const starts = unitsOf(planner.network, from, to).map((unit) => unit.from);
  if (starts.length <= EXACT) return better(drafts, leastOver(planner, [...starts, to], policy));
  let best = better(drafts, leastOver(planner, [...ascending(boundaries), to], policy));
  for (;;) {
    const own = new Set(best.map((draft) => draft.from));
    const near = starts.filter((_, i) => starts.slice(Math.max(0, i - SHIFT), i + SHIFT + 1).some((start) => own.has(start)));
    const next = better(best, leastOver(planner, [...near, to], policy, own));
    if (next === best) return best;
    best = next;
  }
}

function ascending(numbers: readonly number[]): number[] {
  return [...new Set(numbers)].sort((a, b) => a - b);
}

function better(drafts: readonly Draft[], others: readonly Draft[] | undefined): readonly Draft[] {
  return others !== undefined && trafficOf(others) < trafficOf(drafts) ? others : drafts;
}

function trafficOf(drafts: readonly Draft[]): number {
  return drafts.reduce((sum, { traffic }) => sum + traffic, 0);
}

/**
 * The grouping with the least traffic whose boundaries are among `cuts`, the first and last of which are the ends of the phase; within none
 * of its groups lie more than `CROSSED` of the cuts `old`, and of those on the whole mini-batch none goes on over `MOST_USELESS` cuts in a row
 * that save nothing.
 */
function leastOver(
  planner: Planner,
  cuts: readonly number[],
  policy: Policy,
  old: ReadonlySet<number> = new Set(),
): readonly Draft[] | undefined {
  const isWhole = ({ subBatch }: Draft): boolean => subBatch === planner.network.batch;
  const parts = cuts.slice(1).map((to, i) => planner.tryDraft(cuts[i] ?? 0, to, policy));
  /** For every cut: the least traffic in front of it, and the last group there. */
  const least = cuts.map((_, i) => ({ traffic: i === 0 ? 0 : Number.POSITIVE_INFINITY, start: 0, last: undefined as Draft | undefined }));
  for (let i = 0; i < parts.length; i++) {
    let group: Draft | undefined;
    let crossed = 0;
    let useless = 0;
    /** Bytes of the last group that fitted, and of the parts behind it. */
    let apart = 0;
    for (let j = i; j < parts.length; j++) {
      const part = parts[j];
      if (j > i && old.has(cuts[j] ?? 0)) crossed++;
      if (crossed > CROSSED) break;
      apart += part?.traffic ?? 0;
      // What does not fit may do so with the layer behind it, which takes over the place of an operand.
      group =
        group !== undefined && part !== undefined
          ? planner.merge([group, part], policy)
          : planner.tryDraft(cuts[i] ?? 0, cuts[j + 1] ?? 0, policy);
      useless = j > i && (group === undefined || (isWhole(group) && group.traffic >= apart)) ? useless + 1 : 0;
      if (useless === MOST_USELESS) break;
      if (group === undefined) continue;
      apart = group.traffic;
      const traffic = (least[i]?.traffic ?? 0) + group.traffic;
      if (traffic < (least[j + 1]?.traffic ?? 0)) least[j + 1] = { traffic, start: i, last: group };
    }
  }
  const chosen: Draft[] = [];
  for (let at = parts.length; at > 0; at = least[at]?.start ?? 0) {
    const last = least[at]?.last;
    if (last === undefined) return undefined;
    chosen.unshift(last);
  }
  return chosen;
}
