import type { Draft } from './draft.ts';
import type { Planner } from './planner.ts';
import type { Policy } from './residency.ts';
import { subBatches } from './sizes.ts';
import { type Range, unitsOf } from './units.ts';

/** Runs that a group is cut into at most. */
const MOST_RUNS = 9;

/** The groups that a group is cut into, and the bytes of traffic that this saves. */
interface Cut {
  readonly parts: readonly Draft[];
  readonly saving: number;
}

/** Cuts groups around the units that hold down the sub-batch of the others; remembers the groups that it has tried. */
export class Cuts {
  private readonly planner: Planner;
  private readonly policy: Policy;
  private readonly known = new Map<string, Cut | undefined>();

  constructor(planner: Planner, policy: Policy) {
    this.planner = planner;
    this.policy = policy;
  }

  /** Of all cuts of one of the groups, the one that lowers traffic most, if any does. */
  best(drafts: readonly Draft[]): { readonly whole: Draft; readonly parts: readonly Draft[] } | undefined {
    let best: { readonly whole: Draft; readonly parts: readonly Draft[] } | undefined;
    let most = 0;
    for (const draft of drafts) {
      const cut = this.of(draft);
      if (cut === undefined || cut.saving <= most) continue;
      most = cut.saving;
      best = { whole: draft, parts: cut.parts };
    }
    return best;
  }

  private of(draft: Draft): Cut | undefined {
    const key = `${draft.from},${draft.to},${draft.subBatch}`;
    if (this.known.has(key)) return this.known.get(key);
    let best: Cut | undefined;
    for (const ranges of cutsOf(this.planner, draft, this.policy)) {
      const parts = ranges.flatMap(({ from, to }) => this.planner.tryDraft(from, to, this.policy) ?? []);
      const saving = parts.reduce((rest, part) => rest - part.traffic, draft.traffic);
      if (parts.length === ranges.length && saving > (best?.saving ?? 0)) best = { parts, saving };
    }
    this.known.set(key, best);
    return best;
  }
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
