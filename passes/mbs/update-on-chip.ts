import { blockBytes } from './footprint.ts';
import { fuseUpdates, type Pair, pairsOf } from './fuse-update.ts';
import { type LayerView, type Network, networkOf } from './network.ts';
import { livePerSample, Planner } from './planner.ts';
import { accessesOf, type GroupAccesses, type Interval, usesOf } from './residency.ts';
import type { Access, Group, Resources, Schedule, Step } from './schedule.ts';
import { blocksOf, type Fit, rankFits } from './tiling.ts';
import type { Tiling } from './transfers.ts';

interface Fusible {
  readonly network: Network;
  readonly schedule: Schedule;
}

/**
 * The schedule with every weight gradient on chip between its product and its update where the group has room for both and where that moves
 * less: groups and sub-batches stay as they are.
 */
export function keepGradients<S extends Fusible>(scheduled: S, resources: Resources): S {
  const { network, schedule } = scheduled;
  // Cores add up their gradients before the first update.
  const possible = network.cores > 1 ? [] : pairsOf(network.graph);
  if (possible.length === 0) return scheduled;
  const cost = costsOf(network, schedule, resources);
  const all = new Fusion(network, resources, possible);
  let pairs = schedule.groups.flatMap((group) => all.choose(group, cost));
  while (pairs.length > 0) {
    const fusion = new Fusion(network, resources, pairs);
    const homeless = new Set<Pair>();
    const groups = schedule.groups.flatMap((group): Group[] => {
      const placed = fusion.place(group, cost);
      if (placed === undefined) for (const pair of fusion.pairsIn(group)) homeless.add(pair);
      return placed === undefined || placed.steps.length === 0 ? [] : [placed];
    });
    if (homeless.size === 0) return { ...scheduled, network: fusion.network, schedule: { ...schedule, groups } };
    pairs = pairs.filter((pair) => !homeless.has(pair));
  }
  return scheduled;
}

/** DRAM bytes of every layer of a schedule. */
function costsOf(network: Network, { groups }: Schedule, resources: Resources): (layer: string) => number {
  const planner = new Planner(network, usesOf(network), resources);
  const views = byName(network);
  const costs = new Map(
    groups.flatMap(({ steps, subBatch }) =>
      steps.map((step) => [step.layer, costOf(planner, views.get(step.layer), step, subBatch)] as const),
    ),
  );
  return (layer) => costs.get(layer) ?? 0;
}

/** A group with some of its weight gradients fused, before addresses are given. */
interface Rearranged {
  readonly views: readonly LayerView[];
  readonly accesses: GroupAccesses;
  /** The step that each was before. */
  readonly steps: readonly Step[];
}

/** A network in which some pairs are fused, and how groups of the network before look in it. */
class Fusion {
  readonly network: Network;
  private readonly planner: Planner;
  private readonly pairs: readonly Pair[];
  private readonly views: ReadonlyMap<string, LayerView>;

  constructor(network: Network, resources: Resources, pairs: readonly Pair[]) {
    this.pairs = pairs;
    this.network = networkOf(fuseUpdates(network.graph, pairs), network.cores);
    this.planner = new Planner(this.network, usesOf(this.network), resources);
    this.views = byName(this.network);
  }

  pairsIn({ steps }: Group): Pair[] {
    const names = new Set(steps.map(({ layer }) => layer));
    return this.pairs.filter(({ gradient }) => names.has(gradient));
  }

  /** The pairs of a group that have room in it and save traffic. */
  choose(group: Group, cost: (layer: string) => number): Pair[] {
    const rearranged = this.rearrange(group);
    const { views, accesses, steps } = rearranged;
    const live = livePerSample(accesses.intervals, views.length);
    return this.pairsIn(group).filter(({ gradient, update, joined }) => {
      const at = views.findIndex(({ layer }) => layer.name === joined.name);
      const fit = this.fit(group, rearranged, live, at);
      const view = views[at];
      if (fit === undefined || view === undefined) return false;
      // What the gradient alone reads now stays while the layers of its unit run that come before it.
      const first = views.findIndex(({ unit }) => unit === view.unit);
      const isCrowded = (i: number): boolean => blockBytes(steps[i]?.blocks ?? []) > this.freeAt(group, live, i);
      if (views.slice(first, at).some((_, i) => isCrowded(first + i))) return false;
      const [inputs = [], outputs = []] = [accesses.inputs[at], accesses.outputs[at]];
      return moved(this.planner, view, fit, inputs, outputs, group.subBatch) < cost(gradient) + cost(update);
    });
  }

  /** A group of the network before as it runs in this one, what is left of it; undefined where it finds no addresses, or would not move less. */
  place(group: Group, cost: (layer: string) => number): Group | undefined {
    if (group.phase === 'update') return { ...group, steps: group.steps.filter(({ layer }) => this.views.has(layer)) };
    const pairs = this.pairsIn(group);
    if (pairs.length === 0) return group;
    const rearranged = this.rearrange(group);
    const { views, accesses, steps } = rearranged;
    const live = livePerSample(accesses.intervals, views.length);
    const fits: Fit[] = [];
    for (const [i, step] of steps.entries()) {
      const fit = views[i]?.update === undefined ? fitOf(step) : this.fit(group, rearranged, live, i);
      if (fit === undefined) return undefined;
      fits.push(fit);
    }
    const from = views[0]?.index ?? 0;
    const placed = this.planner.tryPlace(this.planner.draftOf(from, from + views.length, group.subBatch, accesses, fits));
    const apart = [...group.steps.map(({ layer }) => layer), ...pairs.map(({ update }) => update)];
    const sum = (costs: readonly number[]): number => costs.reduce((a, b) => a + b, 0);
    const together = placed?.steps.map((step, i) => costOf(this.planner, views[i], step, group.subBatch)) ?? [];
    const isSame = placed?.steps.every(({ chunk }, i) => chunk === steps[i]?.chunk) === true;
    return isSame && sum(together) < sum(apart.map(cost)) ? placed : undefined;
  }

  /** How the layer at a position runs, its samples in the chunks that they were in, so that all sums keep their bits. */
  private fit({ subBatch }: Group, { views, accesses, steps }: Rearranged, live: readonly number[], at: number): Fit | undefined {
    const [view, step] = [views[at], steps[at]];
    const [inputs = [], outputs = []] = [accesses.inputs[at], accesses.outputs[at]];
    if (view === undefined || step === undefined) return undefined;
    const free = this.planner.resources.globalBytes - (live[at] ?? 0) * subBatch;
    const found =
      step.stripes === undefined
        ? rankFits(view, inputs, outputs, subBatch, this.planner.resources).filter(({ narrow }) => !narrow)
        : [fitOf({ ...step, blocks: blocksOf(view, inputs, outputs, subBatch, step) })];
    return found.find(({ chunk, bytes }) => chunk === step.chunk && bytes <= free);
  }

  private freeAt({ subBatch }: Group, live: readonly number[], at: number): number {
    return this.planner.resources.globalBytes - (live[at] ?? 0) * subBatch;
  }

  /** The layers of a group in the order of this network, with the accesses that they have in it. */
  private rearrange(group: Group): Rearranged {
    const pairs = this.pairsIn(group);
    const behind = new Map(pairs.map((pair) => [pair.behind, pair.gradient]));
    const joined = new Map(pairs.map((pair) => [pair.gradient, pair.joined.name]));
    const before = new Map(group.steps.map(({ layer }, i) => [layer, i]));
    /** By position: the one before. */
    const order = group.steps.flatMap(({ layer }, i) => {
      const gradient = behind.get(layer);
      return [...(joined.has(layer) ? [] : [i]), ...(gradient === undefined ? [] : [before.get(gradient) ?? i])];
    });
    const steps = order.flatMap((i) => group.steps[i] ?? []);
    const views = steps.flatMap(({ layer }) => this.views.get(joined.get(layer) ?? layer) ?? []);
    const inputs = steps.map((step) => [...step.inputs]);
    const outputs = steps.map((step) => [...step.outputs]);
    const intervals = intervalsOf(group).map((interval) => moveInterval(interval, group, order));
    for (const interval of intervals) passLoad(inputs, interval);
    views.forEach((view, i) => {
      if (view.update === undefined) return;
      const alone = accessesOf(this.network, this.planner.uses, view.index, view.index + 1, 'none');
      inputs[i]?.push(...(alone.inputs[0] ?? []).slice(inputs[i]?.length));
      outputs[i] = [...(alone.outputs[0] ?? [])];
    });
    return { views, accesses: { inputs, outputs, intervals }, steps };
  }
}

function costOf(planner: Planner, view: LayerView | undefined, step: Step, subBatch: number): number {
  return view === undefined ? 0 : moved(planner, view, step, step.inputs, step.outputs, subBatch);
}

/** DRAM bytes of a layer over the whole mini-batch. */
function moved(
  planner: Planner,
  view: LayerView,
  tiling: Tiling,
  inputs: readonly Access[],
  outputs: readonly Access[],
  subBatch: number,
): number {
  return planner.movedIn(tiling, view, inputs, outputs, subBatch).reduce((a, b) => a + b, 0);
}

function fitOf({ chunk, stripes, panel, blocks }: Step): Fit {
  const tiling = { chunk, ...(stripes === undefined ? {} : { stripes }), ...(panel === undefined ? {} : { panel }) };
  return { ...tiling, blocks, bytes: blockBytes(blocks), traffic: 0, narrow: false };
}

/** When tensors are on chip, and whose place they take: one that begins where another ends has its address only by taking it over. */
function intervalsOf({ residents, subBatch }: Group): Interval[] {
  return residents.map(({ tensor, address, bytes, from, to }) => {
    const donor = residents.find((r) => r.tensor !== tensor && r.address === address && r.to === from && r.from < from);
    return { tensor, bytes: bytes / subBatch, from, to, ...(donor === undefined ? {} : { inPlaceOf: donor.tensor }) };
  });
}

/** An interval in a group whose steps are in another order. */
function moveInterval(interval: Interval, { steps }: Group, order: readonly number[]): Interval {
  const { tensor, from, to } = interval;
  const uses = order.flatMap((old, at) => (old >= from && old <= to && usesOnChip(steps[old], tensor) ? [at] : []));
  const stays = (old: number): number[] => (order[old] === old ? [old] : []);
  return { ...interval, from: Math.min(...uses, ...stays(from)), to: Math.max(...uses, ...stays(to)) };
}

function usesOnChip(step: Step | undefined, tensor: string): boolean {
  return [...(step?.inputs ?? []), ...(step?.outputs ?? [])].some((access) => access.tensor === tensor && isOnChip(access));
}

function isOnChip({ mode }: Access): boolean {
  return mode === 'resident' || mode === 'load';
}

/** The first step of an interval loads it, if any does. */
function passLoad(inputs: Access[][], { tensor, from, to }: Interval): void {
  const loads = ({ tensor: own, mode }: Access): boolean => own === tensor && mode === 'load';
  const loader = inputs.slice(from, to + 1).findIndex((accesses) => accesses.some(loads));
  if (loader <= 0) return;
  const turn = (at: number, from: Access['mode'], to: Access['mode']): void => {
    const accesses = inputs[at] ?? [];
    const i = accesses.findIndex((access) => access.tensor === tensor && access.mode === from);
    const access = accesses[i];
    if (access !== undefined) accesses[i] = { ...access, mode: to };
  };
  turn(from + loader, 'load', 'resident');
  turn(from, 'resident', 'load');
}

function byName({ layers }: Network): ReadonlyMap<string, LayerView> {
  return new Map(layers.map((view) => [view.layer.name, view]));
}
