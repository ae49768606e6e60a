import { diag, fail } from '../../ir/diagnostics.ts';
import type { Cuts } from './cut.ts';
import type { Draft } from './draft.ts';
import type { Merge, MergeOutcome, MergeSide } from './merge.ts';
import type { Network } from './network.ts';
import type { Planner } from './planner.ts';
import type { Policy } from './residency.ts';
import type { Range } from './units.ts';

/** Adjacent groups and what they would be as one. */
interface Candidate {
  readonly sides: readonly Draft[];
  /** Undefined where no sub-batch of all their layers fits. */
  readonly merged: Draft | undefined;
  /** Bytes of traffic that the merge saves in all. */
  readonly saving: number;
}

/** Groups that are merged at once where no two save: what the outer ones share stays on chip only across all of them. */
const LONGEST_MERGE = 8;

interface Decision {
  readonly candidate: Candidate;
  readonly round: number;
  readonly outcome: MergeOutcome;
}

/** The groups that a grouping ends with, and how it came to them. */
export interface Grouping {
  readonly drafts: readonly Draft[];
  readonly decisions: readonly Decision[];
  readonly traffic: number;
}

/** Groups the ranges: the best adjacent merge is taken, or where none is left the best cut, while one lowers traffic. */
export function mergeGreedily(planner: Planner, ranges: readonly Range[], policy: Policy, cuts: Cuts): Grouping {
  let drafts: readonly Draft[] = ranges.map((r) => planner.draft(r.from, r.to, policy));
  const decisions = new Map<Candidate, Decision>();
  const decide = (candidate: Candidate, round: number, outcome: MergeOutcome): void => {
    decisions.set(candidate, { candidate, round, outcome });
  };
  /** By first side and number of sides; all sides are there still. */
  const known = new Map<Draft, Candidate[]>();
  const consider = (at: number, count: number, round: number): Candidate => {
    const first = drafts[at] ?? fail(diag.internal({}, `no group ${at}`));
    const before = known.get(first)?.[count];
    if (before !== undefined) return before;
    const sides = drafts.slice(at, at + count);
    const merged = planner.merge(sides, policy);
    const apart = sides.reduce((sum, side) => sum + side.traffic, 0);
    const candidate = { sides, merged, saving: merged === undefined ? 0 : apart - merged.traffic };
    const own = known.get(first) ?? [];
    own[count] = candidate;
    known.set(first, own);
    if (candidate.saving <= 0) decide(candidate, round, merged === undefined ? 'does not fit' : 'saves nothing');
    return candidate;
  };
  const replace = (sides: readonly Draft[], by: readonly Draft[], round: number): void => {
    const [first] = sides;
    const at = first === undefined ? -1 : drafts.indexOf(first);
    for (const side of drafts.slice(Math.max(0, at - LONGEST_MERGE + 1), at + sides.length)) {
      const own = known.get(side) ?? [];
      own.forEach((candidate, count) => {
        if (!candidate.sides.some((side) => sides.includes(side))) return;
        delete own[count];
        if (candidate.saving > 0 && !decisions.has(candidate)) decide(candidate, round, 'overtaken');
      });
    }
    drafts = [...drafts.slice(0, at), ...by, ...drafts.slice(at + sides.length)];
  };
  for (let round = 1; ; round++) {
    const best = bestMerge(drafts.length, (at, count) => consider(at, count, round));
    if (best?.merged === undefined) {
      const cut = cuts.best(drafts);
      if (cut === undefined)
        return { drafts, decisions: [...decisions.values()], traffic: drafts.reduce((sum, draft) => sum + draft.traffic, 0) };
      replace([cut.whole], cut.parts, round);
      continue;
    }
    decide(best, round, 'taken');
    replace(best.sides, [best.merged], round);
  }
}

/** The merge that saves most: of two groups, or where no two save, of as few as do. */
function bestMerge(groups: number, consider: (at: number, count: number) => Candidate): Candidate | undefined {
  for (let count = 2; count <= LONGEST_MERGE; count++) {
    let best: Candidate | undefined;
    for (let at = 0; at + count <= groups; at++) {
      const candidate = consider(at, count);
      if (candidate.saving > (best?.saving ?? 0)) best = candidate;
    }
    if (best !== undefined) return best;
  }
  return undefined;
}

/** A merge as reports tell of it. */
export function mergeOf(network: Network, { candidate: { sides, merged }, round, outcome }: Decision): Merge {
  const apart = (kind: number): number => sides.reduce((sum, side) => sum + (side.byKind[kind] ?? 0), 0);
  const changes = merged === undefined ? [] : Array.from(merged.byKind, (bytes, kind) => bytes - apart(kind));
  const side = ({ from, to, subBatch }: Draft): MergeSide => ({
    first: network.layers[from]?.layer.name ?? '',
    last: network.layers[to - 1]?.layer.name ?? '',
    subBatch,
  });
  return {
    phase: network.layers[sides[0]?.from ?? 0]?.phase ?? 'forward',
    round,
    sides: sides.map(side),
    ...(merged === undefined ? {} : { subBatch: merged.subBatch }),
    saves: -changes.reduce((sum, bytes) => sum + Math.min(0, bytes), 0),
    costs: changes.reduce((sum, bytes) => sum + Math.max(0, bytes), 0),
    outcome,
  };
}
