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

/** Greedy grouping of `layers [from, to)`: runs of units with equal iterations, then the best adjacent merge while one lowers traffic. */
export function groupGreedily(planner: Planner, from: number, to: number, policy: Policy): Draft[] {
  let drafts = initialRanges(planner, from, to, policy).map((r) => planner.draft(r.from, r.to, policy));
  for (;;) {
    let best: { readonly at: number; readonly merged: Draft; readonly saving: number } | undefined;
    for (let i = 0; i + 1 < drafts.length; i++) {
      const left = drafts[i];
      const right = drafts[i + 1];
      if (left === undefined || right === undefined) continue;
      const merged = planner.merge(left, right, policy);
      if (merged === undefined) continue;
      const saving = left.traffic + right.traffic - merged.traffic;
      if (saving > (best?.saving ?? 0)) best = { at: i, merged, saving };
    }
    if (best === undefined) return drafts;
    drafts = [...drafts.slice(0, best.at), best.merged, ...drafts.slice(best.at + 2)];
  }
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
