import type { Graph } from '../../../ir/graph.ts';
import type { Pair } from '../fuse-update.ts';
import type { Scheduled } from '../index.ts';
import { type Network, networkOf } from '../network.ts';
import type { Group, Resources } from '../schedule.ts';
import type { Choice } from './choice.ts';
import { gradientsBehind, withGradientsBehind } from './gradients-behind.ts';
import { type Estimate, isResizable, type Rated, Ways } from './ways.ts';
import { amountsOf } from './work.ts';

/** The weight gradients of a graph that may run as one layer each with their updates. */
export type PairsOf = (graph: Graph) => readonly Pair[];

/**
 * A schedule's groups in the ways in which each of them is estimated to take least time, what stays on chip being given; or, where that takes less, as two
 * groups, the weight gradients behind the other layers.
 */
export function fastest(scheduled: Scheduled, resources: Resources, estimate: Estimate, pairsOf: PairsOf): Scheduled {
  const { network, schedule, choices } = scheduled;
  const ways = new Ways(network, resources, estimate);
  const whole = schedule.groups.map((group) => ways.fastest(group));
  const parted = partedOf(scheduled, whole, resources, estimate, pairsOf);
  const graph = withGradientsBehind(
    network,
    schedule.groups.filter((_, i) => parted[i] !== undefined),
    pairsOf,
  );
  const final = graph === network.graph ? network : networkOf(graph, network.cores);
  const groups = remaining(
    whole.flatMap(({ group }, i) => parted[i] ?? [group]),
    final,
  );
  const retold = choices?.map((choice) => as(choice, groups, final, resources));
  return { ...scheduled, network: final, schedule: { ...schedule, groups }, ...(retold === undefined ? {} : { choices: retold }) };
}

/** By group: the two that take less time than it does in its fastest way, if any do. */
function partedOf(
  { network, schedule }: Scheduled,
  whole: readonly Rated[],
  resources: Resources,
  estimate: Estimate,
  pairsOf: PairsOf,
): (Group[] | undefined)[] {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const resizable = new Set(schedule.groups.filter((group) => isResizable(group, views, network.batch)));
  const graph = withGradientsBehind(network, [...resizable], pairsOf);
  if (graph === network.graph) return [];
  const ways = new Ways(networkOf(graph, network.cores), resources, estimate);
  return schedule.groups.map((group, i) => (resizable.has(group) ? gradientsBehind(group, ways, whole[i]?.cycles ?? 0) : undefined));
}

/** Groups without the updates that have become one layer with their gradients. */
function remaining(groups: readonly Group[], { layers }: Network): Group[] {
  const names = new Set(layers.map(({ layer }) => layer.name));
  const isThere = ({ layer }: Group['steps'][number]): boolean => names.has(layer);
  const left = groups.map((group) => (group.steps.every(isThere) ? group : { ...group, steps: group.steps.filter(isThere) }));
  return left.filter(({ steps }) => steps.length > 0);
}

/** A choice as it is carried out: on the sub-batches of its group. */
function as(choice: Choice, groups: readonly Group[], network: Network, resources: Resources): Choice {
  const group = groups.find(({ steps }) => steps.some(({ layer }) => layer === choice.first));
  if (group === undefined) return choice;
  const at = (layer: string): number => group.steps.findIndex((step) => step.layer === layer);
  const [amount] = amountsOf(network, [{ ...group, steps: group.steps.slice(at(choice.first), at(choice.last) + 1) }], resources);
  return { ...choice, subBatch: group.subBatch, traffic: amount?.traffic ?? choice.traffic };
}
