import { fuseUpdates, type Pair, pairsOf } from '../fuse-update.ts';
import { type Network, networkOf } from '../network.ts';
import { Planner } from '../planner.ts';
import { usesOf } from '../residency.ts';
import type { Resources } from '../schedule.ts';

/** The step with every weight gradient and its update as one layer, where the buffer has room for that layer alone. */
export function withFusedUpdates(network: Network, resources: Resources): Network {
  const pairs = pairsOf(network.graph, network.cores);
  const all = fused(network, pairs);
  const planner = new Planner(all, usesOf(all), resources);
  const at = new Map(all.layers.map(({ layer, index }) => [layer.name, index]));
  const runs = pairs.filter(({ joined }) => {
    const index = at.get(joined.name);
    return index !== undefined && planner.tryDraft(index, index + 1, 'none') !== undefined;
  });
  return runs.length === pairs.length ? all : fused(network, runs);
}

function fused(network: Network, pairs: readonly Pair[]): Network {
  return networkOf(fuseUpdates(network.graph, pairs), network.cores);
}
