import { diag, fail } from '../../ir/diagnostics.ts';
import type { Draft } from './draft.ts';
import type { Merge, MergeOutcome, MergeSide } from './merge.ts';
import type { LayerView, Network } from './network.ts';
import type { Planner } from './planner.ts';
import type { Policy, Uses } from './residency.ts';
import { align } from './schedule.ts';
import { subBatches } from './sizes.ts';

/** A run of layers that could not be separated or was not yet merged. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Bytes of working blocks that the first estimate of a layer's sub-batch leaves free. */
const WORKING_SET = 512 * 1024;

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

/** Runs that a group is cut into at most. */
const MOST_RUNS = 9;

/** Shares of the buffer that the first groups are made for: a greedy grouping depends on where it starts. */
const STARTS = [1, 1 / 2, 1 / 4];

interface Decision {
  readonly candidate: Candidate;
  readonly round: number;
  readonly outcome: MergeOutcome;
}

/** The groups that a grouping ends with, and how it came to them. */
interface Grouping {
  readonly drafts: readonly Draft[];
  readonly decisions: readonly Decision[];
  readonly traffic: number;
}

/**
 * Greedy grouping of `layers [from, to)`: runs of units with equal iterations, then the best adjacent merge while one lowers traffic.
 * The best of several starts; `onMerge` hears of every merge that was considered on the way to it, once, when it is decided.
 */
export function groupGreedily(
  planner: Planner,
  from: number,
  to: number,
  policy: Policy,
  onMerge: (merge: Merge) => void,
): readonly Draft[] {
  const demands = demandsOf(planner, from, to, policy);
  const ways = STARTS.map((share) => groupingFrom(planner, initialRanges(planner, demands, share), policy));
  const best = ways.reduce((a, b) => (b.traffic < a.traffic ? b : a));
  for (const decision of best.decisions) onMerge(mergeOf(planner.network, decision));
  return best.drafts;
}

function groupingFrom(planner: Planner, ranges: readonly Range[], policy: Policy): Grouping {
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
  for (let round = 1; ; round++) {
    const best = bestMerge(drafts.length, (at, count) => consider(at, count, round));
    if (best?.merged === undefined) {
      const cut = bestCut(planner, drafts, policy);
      if (cut === undefined)
        return { drafts, decisions: [...decisions.values()], traffic: drafts.reduce((sum, draft) => sum + draft.traffic, 0) };
      drafts = cut;
      known.clear();
      continue;
    }
    decide(best, round, 'taken');
    const at = drafts.indexOf(best.sides[0] ?? best.merged);
    const gone = new Set(best.sides);
    for (const first of drafts.slice(Math.max(0, at - LONGEST_MERGE + 1), at + best.sides.length)) {
      const own = known.get(first) ?? [];
      own.forEach((candidate, count) => {
        if (!candidate.sides.some((side) => gone.has(side))) return;
        delete own[count];
        if (candidate.saving > 0) decide(candidate, round, 'overtaken');
      });
    }
    drafts = [...drafts.slice(0, at), best.merged, ...drafts.slice(at + best.sides.length)];
  }
}

/** The groups with one cut around the units that hold down the sub-batch of the others, where that lowers traffic most. */
function bestCut(planner: Planner, drafts: readonly Draft[], policy: Policy): readonly Draft[] | undefined {
  let best: readonly Draft[] | undefined;
  let most = 0;
  drafts.forEach((draft, at) => {
    for (const ranges of cutsOf(planner, draft, policy)) {
      const parts = ranges.flatMap(({ from, to }) => planner.tryDraft(from, to, policy) ?? []);
      const saving = parts.reduce((rest, part) => rest - part.traffic, draft.traffic);
      if (parts.length < ranges.length || saving <= most) continue;
      most = saving;
      best = [...drafts.slice(0, at), ...parts, ...drafts.slice(at + 1)];
    }
  });
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

function mergeOf(network: Network, { candidate: { sides, merged }, round, outcome }: Decision): Merge {
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

/** A unit, and the bytes a sample that the layer of it needs which needs most; infinite where a layer must see the whole mini-batch. */
interface Demand extends Range {
  readonly bytes: number;
}

function demandsOf({ network, uses }: Planner, from: number, to: number, policy: Policy): Demand[] {
  return unitsOf(network, from, to).map((unit) => ({
    ...unit,
    bytes: Math.max(...network.layers.slice(unit.from, unit.to).map((view) => demandOf(network, uses, view, policy))),
  }));
}

/** Runs of adjacent units whose largest sub-batches give equal iterations: ceil(N / largest sub-batch), infinite for units that do not fit one sample. */
function initialRanges({ network, resources }: Planner, demands: readonly Demand[], share: number): Range[] {
  const ranges: { from: number; to: number; iterations: number }[] = [];
  for (const { bytes, ...unit } of demands) {
    const subBatch = Math.floor((resources.globalBytes * share - WORKING_SET) / Math.max(1, bytes));
    const iterations = subBatch < 1 ? Number.POSITIVE_INFINITY : Math.ceil(network.batch / Math.min(network.batch, subBatch));
    const last = ranges.at(-1);
    if (last !== undefined && last.iterations === iterations && Number.isFinite(iterations)) last.to = unit.to;
    else ranges.push({ ...unit, iterations });
  }
  return ranges;
}

/** Runs of layers that belong to one unit. */
export function unitsOf(network: Network, from: number, to: number): Range[] {
  const units: { from: number; to: number; unit: number }[] = [];
  for (const view of network.layers.slice(from, to)) {
    const last = units.at(-1);
    if (last !== undefined && last.unit === view.unit) last.to = view.index + 1;
    else units.push({ from: view.index, to: view.index + 1, unit: view.unit });
  }
  return units;
}

function demandOf(network: Network, uses: Uses, view: LayerView, policy: Policy): number {
  if (view.crossesSamples) return Number.POSITIVE_INFINITY;
  const own = new Map([...view.inputs, ...view.outputs].filter((o) => o.batched).map((o) => [o.tensor, align(o.bytes)]));
  const branch = policy === 'group' ? heldForBranches(network, uses, view, own) : 0;
  return [...own.values()].reduce((a, b) => a + b, branch);
}

/** Bytes a sample of results made before this layer that a later layer of the same module reads. */
function heldForBranches(network: Network, uses: Uses, view: LayerView, own: ReadonlyMap<string, number>): number {
  let held = 0;
  const reach = 24;
  for (let i = Math.max(0, view.index - reach); i < view.index; i++) {
    const before = network.layers[i];
    if (before === undefined || before.phase !== view.phase) continue;
    for (const o of before.outputs) {
      if (!o.batched || own.has(o.tensor)) continue;
      const needed = (uses.readers.get(o.tensor) ?? []).some((r) => r > view.index && network.layers[r]?.phase === view.phase);
      if (needed) held += align(o.bytes);
    }
  }
  return held;
}
