import type { Graph } from '../../../ir/graph.ts';
import type { Pair } from '../fuse-update.ts';
import type { Scheduled } from '../index.ts';
import { type Network, networkOf } from '../network.ts';
import type { Group, Resources } from '../schedule.ts';
import type { Choice } from './choice.ts';
import { gradientsBehind, withGradientsBehind } from './gradients-behind.ts';
import { isResizable, type Rated, type TimeModel, Ways } from './ways.ts';
import { amountsOf } from './work.ts';

/** What a schedule is made with that takes least time as a program. */
export interface ByTime extends TimeModel {
  /** The weight gradients of a graph that may run as one layer each with their updates. */
  readonly pairs: (graph: Graph) => readonly Pair[];
}

/**
 * A schedule's groups in the ways in which each of them is estimated to take least time, what stays on chip being given; or, where that takes less, as two
 * groups, the weight gradients behind the other layers.
 */
export function fastest(scheduled: Scheduled, by: ByTime): Scheduled {
  const { network, schedule, choices } = scheduled;
  const { resources, pairs } = by;
  const ways = new Ways(network, by);
  const whole = schedule.groups.map((group) => ways.fastest(group));
  const parted = partedOf(scheduled, whole, by);
  const graph = withGradientsBehind(
    network,
    schedule.groups.filter((_, i) => parted[i] !== undefined),
    pairs,
  );
  const final = graph === network.graph ? network : networkOf(graph, network.cores);
  const last = graph === network.graph ? ways : new Ways(final, by);
  const groups = remaining(
    whole.flatMap(({ group }, i) => parted[i] ?? [group]),
    final,
  ).map((group) => last.placed(group));
  const retold = choices?.map((choice) => as(choice, network, { groups, final }, resources));
  return { ...scheduled, network: final, schedule: { ...schedule, groups }, ...(retold === undefined ? {} : { choices: retold }) };
}

/** By group: the two that take less time than it does in its fastest way, if any do. */
function partedOf({ network, schedule }: Scheduled, whole: readonly Rated[], by: ByTime): (Group[] | undefined)[] {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const resizable = new Set(schedule.groups.filter((group) => isResizable(group, views, network.batch)));
  const graph = withGradientsBehind(network, [...resizable], by.pairs);
  if (graph === network.graph) return [];
  const ways = new Ways(networkOf(graph, network.cores), by);
  return schedule.groups.map((group, i) => (resizable.has(group) ? gradientsBehind(group, ways, whole[i]?.cycles ?? 0) : undefined));
}

/** Groups without the updates that have become one layer with their gradients. */
function remaining(groups: readonly Group[], { layers }: Network): Group[] {
  const names = new Set(layers.map(({ layer }) => layer.name));
  const isThere = ({ layer }: Group['steps'][number]): boolean => names.has(layer);
  const left = groups.map((group) => (group.steps.every(isThere) ? group : { ...group, steps: group.steps.filter(isThere) }));
  return left.filter(({ steps }) => steps.length > 0);
}

/** A choice for layers of a network as it is carried out: on the sub-batches of their first group, with what they move in all of their groups. */
function as(
  choice: Choice,
  network: Network,
  { groups, final }: { groups: readonly Group[]; final: Network },
  resources: Resources,
): Choice {
  const at = (name: string): number => network.layers.findIndex(({ layer }) => layer.name === name);
  const [first, last] = [at(choice.first), at(choice.last)];
  if (first < 0 || last < 0) return choice;
  // Layers that were joined with their updates have another name, and the same first result.
  const results = new Set(network.layers.slice(first, last + 1).map(({ layer }) => layer.outputs[0]));
  const resultOf = new Map(final.layers.map(({ layer }) => [layer.name, layer.outputs[0]]));
  const own = groups
    .map((group) => ({ ...group, steps: group.steps.filter(({ layer }) => results.has(resultOf.get(layer))) }))
    .filter(({ steps }) => steps.length > 0);
  const traffic = amountsOf(final, own, resources).reduce((sum, amount) => sum + amount.traffic, 0);
  return { ...choice, subBatch: own[0]?.subBatch ?? choice.subBatch, traffic };
}
