import { blockBytes, heldBytes } from './footprint.ts';
import { type Pair, pairsOf } from './fuse-update.ts';
import { type FusedPlanners, fusedPlanners } from './fused-planners.ts';
import type { LayerView, Network } from './network.ts';
import { heldIn, intervalsOf, roomOf } from './placed.ts';
import type { Planner } from './planner.ts';
import { accessesOf, type GroupAccesses, type Interval } from './residency.ts';
import { type Access, type Group, isHeld, type Resources, type Schedule, type Step } from './schedule.ts';
import { inTime, liveInRound, roundOf } from './stages.ts';
import { blocksOf, type Fit } from './tiling.ts';
import { Tilings } from './tilings.ts';
import type { Tiling } from './transfers.ts';

interface Fusible {
  readonly network: Network;
  readonly schedule: Schedule;
}

/**
 * The schedule with every weight gradient on chip between its product and its update where its group has room for both and where that moves
 * less: groups and sub-batches stay as they are.
 */
export function keepGradients<S extends Fusible>(scheduled: S, resources: Resources): S {
  const { network, schedule } = scheduled;
  const possible = pairsOf(network.graph, network.cores);
  if (possible.length === 0) return scheduled;
  const cost = costsOf(network, schedule, resources);
  const plan = fusedPlanners(network.graph, network.cores);
  const fitting = schedule.groups.map((group) => fittingPairs(group, possible, cost, resourcesOf(group, resources), plan));
  const chosen = among(possible, fitting.flat());
  const fused = schedule.groups.map((group, i) => fuseGroup(group, fitting[i] ?? [], chosen, cost, resourcesOf(group, resources), plan));
  const pairs = among(
    possible,
    fused.flatMap((found) => found.pairs),
  );
  const gone = new Set(pairs.map(({ update }) => update));
  const groups = fused
    .map(({ group }) => ({ ...group, steps: group.steps.filter(({ layer }) => !gone.has(layer)) }))
    .filter(({ steps }) => steps.length > 0);
  return { ...scheduled, network: plan(pairs, resources).network, schedule: { ...schedule, groups } };
}

type Cost = (layer: string) => number;

/** DRAM bytes of every layer of a schedule. */
function costsOf(network: Network, { groups }: Schedule, resources: Resources): Cost {
  const tilings = new Tilings(network.batch, resources);
  const views = byName(network);
  const costs = new Map(
    groups.flatMap(({ steps, subBatch }) =>
      steps.map((step) => [step.layer, costOf(tilings, views.get(step.layer), step, subBatch)] as const),
    ),
  );
  return (layer) => costs.get(layer) ?? 0;
}

/** Those of some pairs that are chosen, in their order. */
function among(pairs: readonly Pair[], chosen: readonly Pair[]): readonly Pair[] {
  const set = new Set(chosen);
  return pairs.filter((pair) => set.has(pair));
}

function resourcesOf(group: Group, resources: Resources): Resources {
  return { ...resources, globalBytes: roomOf(group, resources.globalBytes) };
}

/** The pairs of a group that it has room for, each by itself. */
function fittingPairs(group: Group, possible: readonly Pair[], cost: Cost, resources: Resources, plan: FusedPlanners): Pair[] {
  const names = new Set(group.steps.map(({ layer }) => layer));
  const mine = possible.filter(({ gradient }) => names.has(gradient));
  return mine.length === 0 ? [] : new FusedGroup(plan(possible, resources), group, mine, cost).fitting();
}

/** A group with its pairs fused, `chosen` being those of all groups; where they find no addresses, those alone that save most. */
function fuseGroup(
  group: Group,
  fitting: readonly Pair[],
  chosen: readonly Pair[],
  cost: Cost,
  resources: Resources,
  plan: FusedPlanners,
): { readonly group: Group; readonly pairs: readonly Pair[] } {
  const { alternating } = group;
  const sorted = [...fitting].sort((a, b) => cost(b.update) - cost(a.update));
  for (let pairs = [...fitting]; pairs.length > 0; pairs = sorted.slice(0, pairs.length >> 1)) {
    const planner = plan(pairs.length === fitting.length ? chosen : pairs, resources);
    const placed = new FusedGroup(planner, group, pairs, cost).place();
    if (placed !== undefined) return { group: alternating === undefined ? placed : { ...placed, alternating }, pairs };
  }
  return { group, pairs: [] };
}

/** A group in a network in which some of its weight gradients are fused with their updates. */
class FusedGroup {
  private readonly group: Group;
  private readonly network: Network;
  private readonly planner: Planner;
  private readonly pairs: readonly Pair[];
  private readonly cost: Cost;
  /** Its layers in the order of the network, the steps that they were before, and how they reach their operands. */
  private readonly views: readonly LayerView[];
  private readonly steps: readonly Step[];
  private readonly accesses: GroupAccesses;
  /** Bytes of the buffer that resident tensors leave free at every step. */
  private readonly free: readonly number[];

  constructor(planner: Planner, group: Group, pairs: readonly Pair[], cost: Cost) {
    this.group = group;
    this.pairs = pairs;
    this.cost = cost;
    this.network = planner.network;
    this.planner = planner;
    const behind = new Map(pairs.map((pair) => [pair.behind, pair.gradient]));
    const joined = new Map(pairs.map((pair) => [pair.gradient, pair.joined.name]));
    const before = new Map(group.steps.map(({ layer }, i) => [layer, i]));
    /** By position: the one before. */
    const order = group.steps.flatMap(({ layer }, i) => {
      const gradient = behind.get(layer);
      return [...(joined.has(layer) ? [] : [i]), ...(gradient === undefined ? [] : [before.get(gradient) ?? i])];
    });
    const all = byName(this.network);
    this.steps = order.flatMap((i) => group.steps[i] ?? []);
    this.views = this.steps.flatMap(({ layer }) => all.get(joined.get(layer) ?? layer) ?? []);
    this.accesses = this.accessesIn(order);
    // Layers change places within their units, which no stage separates.
    const live = liveInRound(this.accesses.intervals, roundOf(group));
    const room = planner.resources.globalBytes - heldBytes(this.accesses);
    this.free = live.map((bytes) => room - bytes * group.subBatch);
  }

  private accessesIn(order: readonly number[]): GroupAccesses {
    const inputs = this.steps.map((step) => [...step.inputs]);
    const outputs = this.steps.map((step) => [...step.outputs]);
    const uses = usesOnChip(this.group, order);
    const intervals = intervalsOf(this.group).map((interval) => moveInterval(interval, uses, order));
    for (const interval of intervals) passLoad(inputs, interval);
    this.views.forEach((view, i) => {
      if (view.update === undefined) return;
      const alone = accessesOf(this.network, this.planner.uses, view.index, view.index + 1, 'none');
      inputs[i]?.push(...(alone.inputs[0] ?? []).slice(inputs[i]?.length));
      // Sums that are held are updated from where they lie.
      const isInPlace = outputs[i]?.some(isHeld) === true;
      outputs[i] = (alone.outputs[0] ?? []).map((access) => (isInPlace && access.mode === 'panel' ? { ...access, mode: 'hold' } : access));
    });
    return { inputs, outputs, intervals, held: heldIn(this.group) };
  }

  /** The pairs that have room and save traffic. */
  fitting(): Pair[] {
    return this.pairs.filter((pair) => {
      const at = this.views.findIndex(({ layer }) => layer.name === pair.joined.name);
      // What the gradient alone reads now stays while the layers of its unit run that come before it.
      const first = this.views.findIndex(({ unit }) => unit === this.views[at]?.unit);
      const isCrowded = ({ blocks }: Step, i: number): boolean => blockBytes(blocks) > (this.free[first + i] ?? 0);
      return !this.steps.slice(first, at).some(isCrowded) && this.fit(pair, at) !== undefined;
    });
  }

  /** The group with addresses; undefined where it finds none, or would not move less. */
  place(): Group | undefined {
    const pairs = new Map(this.pairs.map((pair) => [pair.joined.name, pair]));
    const fits = this.steps.flatMap((step, i) => {
      const pair = pairs.get(this.views[i]?.layer.name ?? '');
      return pair === undefined ? fitOf(step) : (this.fit(pair, i) ?? []);
    });
    if (fits.length < this.steps.length) return undefined;
    const { subBatch, steps } = this.group;
    const from = this.views[0]?.index ?? 0;
    const intervals = inTime(this.accesses.intervals, roundOf(this.group));
    if (intervals === undefined) return undefined;
    const draft = this.planner.draftOf(from, from + fits.length, subBatch, { ...this.accesses, intervals }, fits);
    const placed = this.planner.tryPlace(draft, this.group.stages);
    const apart = [...steps.map(({ layer }) => layer), ...this.pairs.map(({ update }) => update)];
    const together = placed?.steps.map((step, i) => costOf(this.planner.tilings, this.views[i], step, subBatch)) ?? [];
    return sum(together) < sum(apart.map(this.cost)) ? placed : undefined;
  }

  /**
   * How the layer of a pair runs so that it moves less than both apart; if it can, with its samples in the chunks that they were in, which keeps
   * the bits of the gradient.
   */
  private fit({ gradient, update }: Pair, at: number): Fit | undefined {
    const { subBatch } = this.group;
    const [view, step] = [this.views[at], this.steps[at]];
    const [inputs = [], outputs = []] = [this.accesses.inputs[at], this.accesses.outputs[at]];
    if (view === undefined || step === undefined) return undefined;
    const free = this.free[at] ?? 0;
    const apart = this.cost(gradient) + this.cost(update);
    const saves = (fit: Fit): boolean => fit.bytes <= free && moved(this.planner.tilings, view, fit, inputs, outputs, subBatch) < apart;
    if (step.stripes !== undefined) {
      const same = fitOf({ ...step, blocks: blocksOf(view, inputs, outputs, subBatch, step) });
      return saves(same) ? same : undefined;
    }
    const { tilings } = this.planner;
    const ranked = tilings.rankingOf(tilings.wayOf(view, inputs, outputs), subBatch).all(free);
    return ranked.find((fit) => fit.chunk === step.chunk && saves(fit)) ?? ranked.find(saves);
  }
}

function sum(costs: readonly number[]): number {
  return costs.reduce((a, b) => a + b, 0);
}

function costOf(tilings: Tilings, view: LayerView | undefined, step: Step, subBatch: number): number {
  return view === undefined ? 0 : moved(tilings, view, step, step.inputs, step.outputs, subBatch);
}

/** DRAM bytes of a layer over the whole mini-batch. */
function moved(
  tilings: Tilings,
  view: LayerView,
  tiling: Tiling,
  inputs: readonly Access[],
  outputs: readonly Access[],
  subBatch: number,
): number {
  return tilings.movedIn(tiling, view, inputs, outputs, subBatch).bytes;
}

function fitOf({ chunk, stripes, panel, blocks }: Step): Fit {
  const tiling = { chunk, ...(stripes === undefined ? {} : { stripes }), ...(panel === undefined ? {} : { panel }) };
  return { ...tiling, blocks, bytes: blockBytes(blocks), traffic: 0 };
}

/** An interval in a group whose steps are in another order. */
function moveInterval(interval: Interval, uses: ReturnType<typeof usesOnChip>, order: readonly number[]): Interval {
  const { tensor, from, to } = interval;
  const own = (uses.get(tensor) ?? []).flatMap(({ before, at }) => (before >= from && before <= to ? [at] : []));
  const stays = (old: number): number[] => (order[old] === old ? [old] : []);
  return { ...interval, from: Math.min(...own, ...stays(from)), to: Math.max(...own, ...stays(to)) };
}

/** By tensor: the steps that find it on chip, where they are in another order and where they were before. */
function usesOnChip({ steps }: Group, order: readonly number[]): Map<string, { readonly before: number; readonly at: number }[]> {
  const uses = new Map<string, { before: number; at: number }[]>();
  order.forEach((before, at) => {
    for (const access of [...(steps[before]?.inputs ?? []), ...(steps[before]?.outputs ?? [])]) {
      if (!isOnChip(access)) continue;
      const list = uses.get(access.tensor);
      if (list === undefined) uses.set(access.tensor, [{ before, at }]);
      else list.push({ before, at });
    }
  });
  return uses;
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
