import { diag, fail } from '../../../ir/diagnostics.ts';
import { heldBytes } from '../footprint.ts';
import type { Pair } from '../fuse-update.ts';
import { livePerSample } from '../layout.ts';
import type { LayerView, Network } from '../network.ts';
import { Planner } from '../planner.ts';
import { accessesOf, type GroupAccesses, type Interval, type Surroundings, type Uses } from '../residency.ts';
import type { Fit } from '../tiling.ts';
import { type Amount, plus, ZERO } from './amount.ts';
import { holdings } from './hold.ts';
import { Work } from './work.ts';

/** Tensors of a part that may give way, where its sub-batch is smaller than the mini-batch. */
const MOST_GIVEN = 3;

/** Layers [from, to) of a network that run back to back, and what of them lies in DRAM in any case. */
export interface Part {
  readonly network: Network;
  readonly uses: Uses;
  readonly from: number;
  readonly to: number;
  /** Storages that layers elsewhere read from DRAM. */
  readonly stored: ReadonlySet<string>;
  /** Storages that never stay on chip. */
  readonly refused: ReadonlySet<string>;
  /** The storages that may lie on chip when the part starts, and stay there behind it. */
  readonly enters?: string | undefined;
  readonly exits?: string | undefined;
  /** Whether it may also run as several groups: a single piece, which computes no product again. */
  readonly splits: boolean;
  /** The same layers in which those joined ones are a weight gradient alone, without its update; absent where there are none. */
  readonly apart?: (joined: ReadonlySet<string>) => Pick<Part, 'network' | 'uses'>;
}

/** A part on one sub-batch size. */
export interface Evaluation {
  /** With the updates that run apart from their gradients, although they could be joined. */
  readonly amount: Amount;
  /** Whether a tensor that could stay on chip does not. */
  readonly gaveWay: boolean;
}

/** Parts that cost the same: one of them, and what is known of them all. */
export interface Alike {
  readonly part: Part;
  /** By sub-batch size and ends. */
  readonly evaluations: Map<number, Evaluation | undefined>;
  /** How often they were tightened, by sub-batch size. */
  readonly tightened: Map<number, number>;
}

/** Shares of the buffer that are planned with: addresses need some room between blocks. */
const SHARES = [1, 0.985, 0.96, 0.93, 0.88, 0.8, 0.7];

/** How the layers of a part run and reach their operands; intervals are counted in the part. */
export interface Plan {
  readonly views: readonly LayerView[];
  readonly accesses: GroupAccesses;
  readonly fits: readonly Fit[];
  /** Joined layers that run as a gradient and an update apart. */
  readonly apart: ReadonlySet<string>;
}

/** A plan, and whether a tensor that could stay on chip does not. */
type Rated = Plan & { readonly gaveWay: boolean };

/** Evaluates parts of steps; networks repeat their modules, so what is like a part before is not evaluated again. */
export class Evaluator {
  private readonly planner: Planner;
  /** For every share of the buffer. */
  private readonly planners: readonly Planner[];
  private readonly work: Work;
  /** Of joined layers: the index of the update. */
  private readonly updates: ReadonlyMap<string, number>;
  private readonly bySignature = new Map<string, Alike>();
  private readonly byPart = new Map<Part, Alike>();
  /** The part that was asked for last: all its sub-batch sizes are evaluated one after the other. */
  private last: { readonly part: Part; readonly alike: Alike; readonly layouts: Map<number, Layout> } | undefined;

  /** @param pairs weight gradients and updates that parts join. */
  constructor(planner: Planner, pairs: readonly Pair[] = []) {
    const { network, uses, resources } = planner;
    this.updates = new Map(
      pairs.map(({ joined, update }) => [joined.name, network.layers.findIndex(({ layer }) => layer.name === update)]),
    );
    this.planner = planner;
    this.planners = SHARES.map((share) => {
      const globalBytes = Math.floor(resources.globalBytes * share);
      return share === 1 ? planner : new Planner(network, uses, { ...resources, globalBytes });
    });
    this.work = new Work(network.batch, resources);
  }

  /**
   * What a part costs over the whole mini-batch with sub-batches of `subBatch` samples, its entering and leaving tensors staying on chip or not.
   * Undefined where the layers cannot run so.
   */
  at(part: Part, subBatch: number, enters: boolean, exits: boolean): Evaluation | undefined {
    const { evaluations } = this.alike(part);
    const key = keyOf(subBatch, enters, exits);
    if (evaluations.has(key)) return evaluations.get(key);
    const plan = this.plan(part, subBatch, enters, exits);
    const evaluation = plan && { amount: this.cost(plan, subBatch), gaveWay: plan.gaveWay };
    evaluations.set(key, evaluation);
    return evaluation;
  }

  /** What is known of all parts that cost the same as this one. */
  alike(part: Part): Alike {
    return this.focus(part).alike;
  }

  /** From now on the parts that are like this one are planned with less of the buffer on this sub-batch size, at last not at all. */
  tighten(part: Part, subBatch: number): void {
    const { evaluations, tightened } = this.alike(part);
    tightened.set(subBatch, (tightened.get(subBatch) ?? 0) + 1);
    for (const enters of [false, true]) for (const exits of [false, true]) evaluations.delete(keyOf(subBatch, enters, exits));
  }

  private focus(part: Part): NonNullable<Evaluator['last']> {
    if (this.last?.part === part) return this.last;
    this.last = { part, alike: this.byPart.get(part) ?? this.lookUp(part), layouts: new Map() };
    return this.last;
  }

  private lookUp(part: Part): Alike {
    const signature = signatureOf(part, this.planner);
    const before = this.bySignature.get(signature);
    if (before !== undefined) return before;
    const alike: Alike = { part, evaluations: new Map(), tightened: new Map() };
    this.bySignature.set(signature, alike);
    this.byPart.set(part, alike);
    return alike;
  }

  /** The plan of a part that moves least: with its updates joined to their gradients, apart, or apart where layers have no room beside them. */
  plan(part: Part, subBatch: number, enters: boolean, exits: boolean): Rated | undefined {
    const { network } = part;
    if (subBatch < network.batch && viewsOf(part).some((view) => view.crossesSamples)) return undefined;
    const planner = this.planners[this.alike(part).tightened.get(subBatch) ?? 0];
    if (planner === undefined) return undefined;
    const layout = this.layoutOf(part, enters, exits);
    const holds = !enters && !exits;
    const together = this.planOf(planner, layout, subBatch, holds, false);
    const updates = this.updatesIn(part);
    const isFree = together?.gaveWay === false;
    // Joined layers have room for all, and nothing that could be held instead of their updates.
    if (updates.length === 0 || (isFree && (!holds || subBatch === network.batch))) return together;
    const apart = this.planOf(planner, layout.takenApart(updates), subBatch, holds, false);
    const partly = isFree || apart?.gaveWay !== false ? undefined : this.planOf(planner, layout, subBatch, holds, true);
    return this.least([together, apart, partly], subBatch);
  }

  private least(plans: readonly (Rated | undefined)[], subBatch: number): Rated | undefined {
    const possible = plans.filter((plan) => plan !== undefined);
    if (possible.length < 2) return possible[0];
    const rated = possible.map((plan) => ({ plan, traffic: this.traffic(plan, subBatch) }));
    return rated.reduce((best, other) => (other.traffic < best.traffic ? other : best)).plan;
  }

  /** DRAM bytes of a plan, with those of the updates that are apart from their gradients. */
  private traffic(plan: Plan, subBatch: number): number {
    const own = plan.fits.reduce((sum, _, i) => sum + this.moved(plan, i, subBatch), 0);
    return [...plan.apart].reduce((sum, joined) => sum + this.updateAmount(joined).traffic, own);
  }

  /** The joined layers of a part. */
  private updatesIn(part: Part): string[] {
    return part.apart === undefined ? [] : viewsOf(part).flatMap(({ layer }) => (this.updates.has(layer.name) ? [layer.name] : []));
  }

  /**
   * Everything stays on chip that the layers share; where a layer does not fit beside it, the updates of its unit are taken apart from their
   * gradients, if `parts` says so, or the largest tensor there gives way. A group of this part alone holds over its iterations what lets it move least.
   */
  private planOf(planner: Planner, start: Layout, subBatch: number, holds: boolean, parts: boolean): Rated | undefined {
    let layout = start;
    for (let given = 0; subBatch === planner.network.batch || given <= MOST_GIVEN; ) {
      const { views, apart } = layout;
      const fits = crowdedStep(layout.live, subBatch, planner) ?? fitAll(planner, layout, subBatch);
      if (typeof fits !== 'number') {
        const plan = { views, accesses: layout.accesses, fits, apart };
        return { ...(holds ? this.holdingMost(planner, plan, subBatch) : plan), gaveWay: given > 0 };
      }
      const joined = parts ? views.filter(({ unit, layer }) => unit === views[fits]?.unit && this.updates.has(layer.name)) : [];
      if (joined.length > 0) {
        layout = layout.takenApart(joined.map(({ layer }) => layer.name));
        continue;
      }
      const largest = largestAt(layout.intervals, fits, layout.around);
      if (largest === undefined) return undefined;
      layout = layout.without(largest);
      given++;
    }
    return undefined;
  }

  /** The plan with what it may hold over its iterations, where it then moves less. */
  holdingMost(planner: Planner, plan: Plan, subBatch: number): Plan {
    if (subBatch >= planner.network.batch) return plan;
    const { views } = plan;
    const live = livePerSample(plan.accesses.intervals, views.length);
    let best = plan;
    let least = 0;
    for (const accesses of holdings(views, plan.accesses, planner.resources.globalBytes)) {
      const fits = refit(planner, plan, { accesses, live }, subBatch);
      if (fits === undefined) continue;
      const other = { ...plan, accesses, fits };
      const more = this.movesMore(plan, other, subBatch);
      if (more < least) [best, least] = [other, more];
    }
    return best;
  }

  /** DRAM bytes of a plan beyond those of another one. */
  private movesMore(before: Plan, after: Plan, subBatch: number): number {
    return before.fits.reduce(
      (sum, fit, i) => (after.fits[i] === fit ? sum : sum + this.moved(after, i, subBatch) - this.moved(before, i, subBatch)),
      0,
    );
  }

  /** DRAM bytes of a layer of a plan. */
  private moved({ views, accesses, fits }: Plan, i: number, subBatch: number): number {
    const [view, fit] = [views[i], fits[i]];
    if (view === undefined || fit === undefined) return 0;
    return this.planner.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch).reduce((a, b) => a + b, 0);
  }

  private layoutOf(part: Part, enters: boolean, exits: boolean): Layout {
    const { layouts } = this.focus(part);
    const key = (enters ? 2 : 0) + (exits ? 1 : 0);
    const before = layouts.get(key);
    if (before !== undefined) return before;
    const around: Surroundings = exits
      ? { stored: part.stored, enters: enters ? part.enters : undefined, exits: part.exits }
      : { stored: new Set([...part.stored, part.exits ?? '']), enters: enters ? part.enters : undefined };
    const layout = new Layout(part, around, part.refused, new Set());
    layouts.set(key, layout);
    return layout;
  }

  /** What a plan costs over the whole mini-batch, with the updates that are apart from their gradients. */
  cost(plan: Plan, subBatch: number): Amount {
    let amount = this.sum(plan, subBatch);
    for (const joined of plan.apart) amount = plus(amount, this.updateAmount(joined));
    return amount;
  }

  /** What the layers of a plan cost. */
  sum({ views, accesses, fits }: Pick<Plan, 'views' | 'accesses' | 'fits'>, subBatch: number): Amount {
    return fits.reduce<Amount>((sum, fit, i) => {
      const view = views[i];
      if (view === undefined) return sum;
      const moved = this.planner.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch);
      return this.work.add(sum, view, fit, subBatch, moved);
    }, ZERO);
  }

  private readonly updateAmounts = new Map<string, Amount>();
  private updateAmount(joined: string): Amount {
    const known = this.updateAmounts.get(joined);
    if (known !== undefined) return known;
    const index = this.updates.get(joined) ?? fail(diag.internal({ layer: joined }, 'joins no update'));
    const { accesses, fits, subBatch } = this.planner.wholeBatch(index, index + 1, 'none');
    const views = this.planner.network.layers.slice(index, index + 1);
    const amount = this.sum({ views, accesses, fits }, subBatch);
    this.updateAmounts.set(joined, amount);
    return amount;
  }
}

function viewsOf({ network, from, to }: Part): readonly LayerView[] {
  return network.layers.slice(from, to);
}

function keyOf(subBatch: number, enters: boolean, exits: boolean): number {
  return 4 * subBatch + (enters ? 2 : 0) + (exits ? 1 : 0);
}

/** The step at which resident tensors alone need most, where that is more than there is. */
function crowdedStep(live: readonly number[], subBatch: number, { resources }: Planner): number | undefined {
  let worst = 0;
  live.forEach((bytes, i) => {
    if (bytes > (live[worst] ?? 0)) worst = i;
  });
  return (live[worst] ?? 0) * subBatch > resources.globalBytes ? worst : undefined;
}

/** How every layer runs, or the first step that does not. */
function fitAll(planner: Planner, layout: Layout, subBatch: number): Fit[] | number {
  const { views, accesses } = layout;
  const { live } = layout;
  const crowded = crowdedStep(live, subBatch, planner);
  if (crowded !== undefined) return crowded;
  const fits: Fit[] = [];
  for (let i = 0; i < views.length; i++) {
    const found = planner.fitOne(views, accesses, subBatch, live, i);
    if (found === undefined) return i;
    fits.push(found);
  }
  return fits;
}

/** How every layer runs with other accesses than in a plan, undefined where one does not. A tiling that still fits is still the best. */
function refit(
  planner: Planner,
  plan: Plan,
  { accesses, live }: { readonly accesses: GroupAccesses; readonly live: readonly number[] },
  subBatch: number,
): Fit[] | undefined {
  const { views } = plan;
  const room = planner.resources.globalBytes - heldBytes(accesses);
  const fits: Fit[] = [];
  for (let i = 0; i < views.length; i++) {
    const before = plan.fits[i];
    const isSame = accesses.inputs[i] === plan.accesses.inputs[i] && accesses.outputs[i] === plan.accesses.outputs[i];
    const stays = isSame && before !== undefined && before.bytes <= room - (live[i] ?? 0) * subBatch;
    const fit = stays ? before : planner.fitOne(views, accesses, subBatch, live, i);
    if (fit === undefined) return undefined;
    fits.push(fit);
  }
  return fits;
}

/** Where the tensors of a part are while `refused` do not stay on chip, some joined layers being apart; no sub-batch size enters into it. */
class Layout {
  readonly views: readonly LayerView[];
  readonly around: Surroundings;
  readonly apart: ReadonlySet<string>;
  /** Until `accesses` is asked for, those of a layout in which more stays on chip without what does not here: at most as much is alive. */
  intervals: readonly Interval[] = [];
  live: readonly number[] = [];
  private readonly part: Part;
  private readonly refused: ReadonlySet<string>;
  private readonly smaller = new Map<string, Layout>();
  private found: GroupAccesses | undefined;

  constructor(part: Part, around: Surroundings, refused: ReadonlySet<string>, apart: ReadonlySet<string>, intervals?: readonly Interval[]) {
    this.part = part;
    this.around = around;
    this.refused = refused;
    this.apart = apart;
    this.views = this.viewed().network.layers.slice(part.from, part.to);
    if (intervals === undefined) this.settle(this.accesses.intervals);
    else this.settle(intervals);
  }

  get accesses(): GroupAccesses {
    if (this.found !== undefined) return this.found;
    const { network, uses } = this.viewed();
    this.found = accessesOf(network, uses, this.part.from, this.part.to, 'group', this.refused, this.around);
    this.settle(this.found.intervals);
    return this.found;
  }

  without(tensor: string): Layout {
    const others = (): Interval[] => this.intervals.filter((v) => v.tensor !== tensor);
    return this.remembered(tensor, () => new Layout(this.part, this.around, new Set([...this.refused, tensor]), this.apart, others()));
  }

  takenApart(joined: readonly string[]): Layout {
    const apart = new Set([...this.apart, ...joined]);
    return this.remembered(`apart ${joined.join()}`, () => new Layout(this.part, this.around, this.refused, apart));
  }

  private viewed(): Pick<Part, 'network' | 'uses'> {
    return this.apart.size === 0 ? this.part : (this.part.apart?.(this.apart) ?? this.part);
  }

  private settle(intervals: readonly Interval[]): void {
    this.intervals = intervals;
    this.live = livePerSample(intervals, this.views.length);
  }

  private remembered(key: string, make: () => Layout): Layout {
    const layout = this.smaller.get(key) ?? make();
    this.smaller.set(key, layout);
    return layout;
  }
}

/** The largest tensor on chip at a step that may give way. */
function largestAt(intervals: readonly Interval[], step: number, around: Surroundings): string | undefined {
  let largest: Interval | undefined;
  for (const v of intervals) {
    if (v.from > step || v.to < step || v.tensor === around.enters || v.tensor === around.exits) continue;
    if (largest === undefined || v.bytes > largest.bytes) largest = v;
  }
  return largest?.tensor;
}

/** Parts with one signature cost the same: their layers are alike and share tensors in the same places. */
function signatureOf(part: Part, planner: Planner): string {
  const numbers = new Map<string, number>();
  const number = (tensor: string): number => {
    const known = numbers.get(tensor) ?? numbers.size;
    numbers.set(tensor, known);
    return known;
  };
  const firstUnit = part.network.layers[part.from]?.unit ?? 0;
  const layers = part.network.layers.slice(part.from, part.to).map((view) => {
    const operands = [...view.inputs, ...view.outputs].map(({ tensor }) => number(tensor));
    return `${planner.likenessOf(view)} ${view.unit - firstUnit}:${operands.join()}`;
  });
  const marks = [...numbers.keys()].map((tensor) => {
    const sets = [part.stored, part.refused, part.uses.kept].map((set) => (set.has(tensor) ? 1 : 0)).join('');
    const isReadBehind = (part.uses.readers.get(tensor) ?? []).some((r) => r >= part.to) ? 1 : 0;
    return `${sets}${isReadBehind}${tensor === part.enters ? 'e' : ''}${tensor === part.exits ? 'x' : ''}`;
  });
  return `${part.splits}|${layers.join(';')}|${marks.join()}`;
}
