import type { Graph } from '../../../ir/graph.ts';
import type { Pair } from '../fuse-update.ts';
import type { Scheduled } from '../index.ts';
import { type Network, networkOf } from '../network.ts';
import type { Group, Resources } from '../schedule.ts';
import type { Choice } from './choice.ts';
import { gradientsBehind, withGradientsBehind } from './gradients-behind.ts';
import { type Joined, joinedRuns } from './joined-groups.ts';
import { isResizable, type Rated, type TimeModel, Ways } from './ways.ts';
import { amountsOf } from './work.ts';

/** What a schedule is made with that takes least time as a program. */
export interface ByTime extends TimeModel {
  /** The weight gradients of a graph that may run as one layer each with their updates. */
  readonly pairs: (graph: Graph) => readonly Pair[];
}

/** A schedule, and other ways to run its groups that may take hardly longer. */
export interface Fastest {
  readonly scheduled: Scheduled;
  readonly rivals: ReadonlyMap<Group, readonly Group[]>;
}

/**
 * A schedule's groups in the ways in which each of them is estimated to take least time, what stays on chip being given; or, where that takes less, as two
 * groups, the weight gradients behind the other layers; so may runs of groups that are one for that.
 */
export function fastest(scheduled: Scheduled, by: ByTime): Fastest {
  const { network, schedule, choices } = scheduled;
  const { resources, pairs } = by;
  const ways = new Ways(network, by);
  const apart = partedOf(
    network,
    schedule.groups.map((group): Run => ({ group, ways: [ways.fastest(group)] })),
    by,
  );
  const runs = withJoined(network, apart, joinedRuns(schedule.groups, ways), by);
  const parted = runs.filter((run) => run.ways.length > 1).map(({ group }) => group);
  const graph = withGradientsBehind(network, parted, pairs);
  const final = graph === network.graph ? network : networkOf(graph, network.cores);
  const last = graph === network.graph ? ways : new Ways(final, by);
  const placed = remaining(
    runs.flatMap((run) => run.ways),
    final,
  ).map((rated) => ({ ...rated, group: last.placed(rated) }));
  const groups = placed.map(({ group }) => group);
  const retold = choices?.map((choice) => as(choice, network, { groups, final }, resources));
  return {
    scheduled: { ...scheduled, network: final, schedule: { ...schedule, groups }, ...(retold === undefined ? {} : { choices: retold }) },
    rivals: new Map(placed.map(({ group, rivals = [] }) => [group, rivals])),
  };
}

/** Layers that a schedule has as a group, and the one or two groups that they run as. */
interface Run {
  readonly group: Group;
  readonly ways: readonly Rated[];
}

/** Each with its weight gradients behind its other layers, where that takes less time. */
function partedOf(network: Network, runs: readonly Run[], by: ByTime): Run[] {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const resizable = new Set(runs.filter(({ group }) => isResizable(group, views, network.batch)));
  const graph = withGradientsBehind(
    network,
    [...resizable].map(({ group }) => group),
    by.pairs,
  );
  if (graph === network.graph) return [...runs];
  const ways = new Ways(networkOf(graph, network.cores), by);
  return runs.map((run) => {
    const parts = resizable.has(run) ? gradientsBehind(run.group, ways, cyclesOf(run.ways)) : undefined;
    return parts === undefined ? run : { ...run, ways: parts };
  });
}

/** Runs of groups as one, where that takes less time than they do apart. */
function withJoined(network: Network, apart: readonly Run[], joined: readonly Joined[], by: ByTime): Run[] {
  const runs = [...apart];
  for (const { from, to, group } of [...joined].reverse()) {
    const own = apart.slice(from, to).flatMap((run) => run.ways);
    const [one] = partedOf(network, [{ group, ways: [{ group, cycles: cyclesOf(own) }] }], by);
    if (one !== undefined && one.ways.length > 1) runs.splice(from, to - from, one);
  }
  return runs;
}

function cyclesOf(ways: readonly Rated[]): number {
  return ways.reduce((sum, { cycles }) => sum + cycles, 0);
}

/** Groups without the updates that have become one layer with their gradients. */
function remaining(groups: readonly Rated[], { layers }: Network): Rated[] {
  const names = new Set(layers.map(({ layer }) => layer.name));
  const isThere = ({ layer }: Group['steps'][number]): boolean => names.has(layer);
  const left = groups.map((rated): Rated => {
    const { group, cycles } = rated;
    return group.steps.every(isThere) ? rated : { group: { ...group, steps: group.steps.filter(isThere) }, cycles };
  });
  return left.filter(({ group }) => group.steps.length > 0);
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
