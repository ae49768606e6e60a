import type { LayerView, Network } from './network.ts';
import type { Planner } from './planner.ts';
import type { Policy, Uses } from './residency.ts';
import { align } from './schedule.ts';
import { type Range, unitsOf } from './units.ts';

/** Bytes of working blocks that the first estimate of a layer's sub-batch leaves free. */
const WORKING_SET = 512 * 1024;

/** A unit, and the bytes a sample that the layer of it needs which needs most; infinite where a layer must see the whole mini-batch. */
export interface Demand extends Range {
  readonly bytes: number;
}

export function demandsOf({ network, uses }: Planner, from: number, to: number, policy: Policy): Demand[] {
  return unitsOf(network, from, to).map((unit) => ({
    ...unit,
    bytes: Math.max(...network.layers.slice(unit.from, unit.to).map((view) => demandOf(network, uses, view, policy))),
  }));
}

/** Runs of adjacent units whose largest sub-batches give equal iterations: ceil(N / largest sub-batch), infinite for units that do not fit one sample. */
export function initialRanges({ network, resources }: Planner, demands: readonly Demand[], share: number): Range[] {
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
