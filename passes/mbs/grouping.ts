import type { Merge, MergeOutcome, MergeSide } from './merge.ts';
import type { LayerView, Network } from './network.ts';
import type { Draft, Planner } from './planner.ts';
import type { Policy, Uses } from './residency.ts';
import { align } from './schedule.ts';

/** A run of layers that could not be separated or was not yet merged. */
interface Range {
  readonly from: number;
  readonly to: number;
}

/** Bytes of working blocks that the first estimate of a layer's sub-batch leaves free. */
const WORKING_SET = 512 * 1024;

/** Two adjacent groups and what they would be as one. */
interface Candidate {
  readonly left: Draft;
  readonly right: Draft;
  /** Undefined where no sub-batch of all their layers fits. */
  readonly merged: Draft | undefined;
  /** Bytes of traffic that the merge saves in all. */
  readonly saving: number;
}

/**
 * Greedy grouping of `layers [from, to)`: runs of units with equal iterations, then the best adjacent merge while one lowers traffic.
 * `onMerge` hears of every merge that was considered, once, when it is decided.
 */
export function groupGreedily(planner: Planner, from: number, to: number, policy: Policy, onMerge: (merge: Merge) => void): Draft[] {
  const drafts = initialRanges(planner, from, to, policy).flatMap((r) => {
    const draft = planner.tryDraft(r.from, r.to, policy);
    // Units that only fit serialized need not fit with their neighbours.
    return draft === undefined ? unitsOf(planner.network, r.from, r.to).map((u) => planner.draft(u.from, u.to, policy)) : [draft];
  });
  const decide = (candidate: Candidate, round: number, outcome: MergeOutcome): void =>
    onMerge(mergeOf(planner.network, candidate, round, outcome));
  const consider = (at: number, round: number): Candidate[] => {
    const [left, right] = [drafts[at], drafts[at + 1]];
    if (left === undefined || right === undefined) return [];
    const merged = planner.merge(left, right, policy);
    const candidate = { left, right, merged, saving: merged === undefined ? 0 : left.traffic + right.traffic - merged.traffic };
    if (merged === undefined) decide(candidate, round, 'does not fit');
    else if (candidate.saving <= 0) decide(candidate, round, 'saves nothing');
    return [candidate];
  };
  // Candidate i merges drafts i and i + 1.
  const candidates = drafts.flatMap((_, i) => consider(i, 1));
  for (let round = 1; ; round++) {
    const at = candidates.reduce((best, c, i) => (c.saving > (candidates[best]?.saving ?? 0) ? i : best), -1);
    const best = candidates[at];
    if (best?.merged === undefined) return drafts;
    decide(best, round, 'taken');
    for (const beside of [candidates[at - 1], candidates[at + 1]])
      if (beside !== undefined && beside.saving > 0) decide(beside, round, 'overtaken');
    drafts.splice(at, 2, best.merged);
    const first = Math.max(0, at - 1);
    const renewed = [...(at > 0 ? consider(at - 1, round + 1) : []), ...consider(at, round + 1)];
    candidates.splice(first, at + 2 - first, ...renewed);
  }
}

function mergeOf(network: Network, { left, right, merged }: Candidate, round: number, outcome: MergeOutcome): Merge {
  const change = (kind: number): number => (merged?.byKind[kind] ?? 0) - (left.byKind[kind] ?? 0) - (right.byKind[kind] ?? 0);
  const changes = merged === undefined ? [] : Array.from(merged.byKind, (_, kind) => change(kind));
  const side = ({ from, to, subBatch }: Draft): MergeSide => ({
    first: network.layers[from]?.layer.name ?? '',
    last: network.layers[to - 1]?.layer.name ?? '',
    subBatch,
  });
  return {
    phase: network.layers[left.from]?.phase ?? 'forward',
    round,
    left: side(left),
    right: side(right),
    ...(merged === undefined ? {} : { subBatch: merged.subBatch }),
    saves: -changes.reduce((sum, bytes) => sum + Math.min(0, bytes), 0),
    costs: changes.reduce((sum, bytes) => sum + Math.max(0, bytes), 0),
    outcome,
  };
}

/** Runs of adjacent units whose largest sub-batches give equal iterations. */
function initialRanges(planner: Planner, from: number, to: number, policy: Policy): Range[] {
  const { network, uses } = planner;
  const ranges: { from: number; to: number; iterations: number }[] = [];
  for (const unit of unitsOf(network, from, to)) {
    const iterations = Math.max(...network.layers.slice(unit.from, unit.to).map((view) => iterationsOf(planner, view, uses, policy)));
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

/** Iterations that a layer alone would need: ceil(N / largest sub-batch); infinite for layers that must see the whole mini-batch or do not fit one sample. */
function iterationsOf(planner: Planner, view: LayerView, uses: Uses, policy: Policy): number {
  if (view.crossesSamples) return Number.POSITIVE_INFINITY;
  const { batch } = planner.network;
  const own = new Map([...view.inputs, ...view.outputs].filter((o) => o.batched).map((o) => [o.tensor, align(o.bytes)]));
  const branch = policy === 'group' ? heldForBranches(planner.network, uses, view, own) : 0;
  const demand = [...own.values()].reduce((a, b) => a + b, branch);
  const subBatch = Math.floor((planner.resources.globalBytes - WORKING_SET) / Math.max(1, demand));
  return subBatch < 1 ? Number.POSITIVE_INFINITY : Math.ceil(batch / Math.min(batch, subBatch));
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
