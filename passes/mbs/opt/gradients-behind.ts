import { type Graph, inTextOrder, type Layer } from '../../../ir/graph.ts';
import { fuseUpdates, type Pair } from '../fuse-update.ts';
import { type LayerView, type Network, updatedBytes } from '../network.ts';
import type { Group } from '../schedule.ts';
import { ZERO } from './amount.ts';
import { busiestOf } from './objective.ts';
import { streamed } from './streamed.ts';
import type { Rated, Ways } from './ways.ts';
import { amountsOf } from './work.ts';

/**
 * The graph in which the weight gradients of these groups come behind their other layers, each as one layer with its update where `pairsOf` has them;
 * the graph itself where there are none.
 */
export function withGradientsBehind(network: Network, groups: readonly Group[], pairsOf: (graph: Graph) => readonly Pair[]): Graph {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const { layers } = network.graph;
  const places = new Map(layers.map(({ name }, i) => [name, i]));
  /** By the layer behind which they come. */
  const moved = new Map<number, Layer[]>();
  const gone = new Set<Layer>();
  for (const { steps } of groups) {
    const own = steps.flatMap(({ layer }) => views.get(layer) ?? []);
    const gradients = own.filter(isWeightGradient).map(({ layer }) => layer);
    if (gradients.length === own.length) continue;
    moved.set(Math.max(...steps.map(({ layer }) => places.get(layer) ?? 0)), gradients);
    for (const layer of gradients) gone.add(layer);
  }
  if (gone.size === 0) return network.graph;
  const reordered = layers.flatMap((layer, i) => [...(gone.has(layer) ? [] : [layer]), ...(moved.get(i) ?? [])]);
  const graph = inTextOrder({ ...network.graph, layers: reordered });
  const names = new Set([...gone].map(({ name }) => name));
  return fuseUpdates(
    graph,
    pairsOf(graph).filter(({ gradient }) => names.has(gradient)),
  );
}

/**
 * The layers of a group as two: the weight gradients behind the others, on the whole mini-batch. They move no partial sums, and the others run on sub-batches
 * for which the sums need not move; output gradients go through DRAM for that. Undefined where there are no such two, or they take longer than `most` and what
 * updates take that are no longer apart.
 * @param ways of the network of the graph that `withGradientsBehind` makes
 */
export function gradientsBehind({ steps }: Group, ways: Ways, most: number): Rated[] | undefined {
  const { planner } = ways;
  const { layers } = planner.network;
  const others = steps.flatMap(({ layer }) => ways.views.get(layer) ?? []).filter((view) => !isWeightGradient(view));
  const [from, to] = [others[0]?.index ?? 0, (others.at(-1)?.index ?? 0) + 1];
  const gradients = layers.slice(to, to + steps.length - others.length);
  if (gradients.length === 0 || others.length === 0) return undefined;
  const names = new Set(steps.map(({ layer }) => layer));
  const joined = gradients.filter(({ layer, update }) => update !== undefined && !names.has(layer.name));
  const bytes = joined.reduce((sum, view) => sum + updatedBytes(view) + (view.outputs[0]?.bytes ?? 0), 0);
  const limit = most + bytes / planner.resources.costs.bytesPerCycle;
  const products = streamed(ways, { from: to, to: to + gradients.length });
  const draft = products && planner.tryDraft(from, to, 'group');
  const placed = draft && planner.place(draft, 'group');
  if (products === undefined || placed === undefined || products.cycles + busiest(placed, ways) >= limit) return undefined;
  const behind = products.refined();
  const ahead = ways.fastest(placed);
  return ahead.cycles + behind.cycles < limit ? [ahead, behind] : undefined;
}

/** Cycles of the unit that has most to do in a group. */
function busiest(group: Group, { planner: { network, resources } }: Ways): number {
  const [amount = ZERO] = amountsOf(network, [group], resources);
  return busiestOf(amount, resources.costs);
}

function isWeightGradient({ matrix, phase }: LayerView): boolean {
  return phase === 'backward' && matrix?.form === 'weightGradient';
}
