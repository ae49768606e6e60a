import { diag, fail } from '../../../ir/diagnostics.ts';
import { heldBytes } from '../footprint.ts';
import type { Pair } from '../fuse-update.ts';
import { livePerSample } from '../layout.ts';
import type { LayerView } from '../network.ts';
import { Planner } from '../planner.ts';
import type { GroupAccesses, Surroundings } from '../residency.ts';
import type { Fit } from '../tiling.ts';
import { type Amount, plus, ZERO } from './amount.ts';
import { holdings } from './hold.ts';
import { type Part, viewsOf } from './part.ts';
import { PartLayout } from './part-layout.ts';
import { Work } from './work.ts';

/** Tensors of a part that may give way, where its sub-batch is smaller than the mini-batch. */
const MOST_GIVEN = 3;

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
  /** For what runs outside of the parts. */
  private readonly outside: Planner;
  /** For every share of the buffer. */
  private readonly planners: readonly Planner[];
  private readonly work: Work;
  /** Of joined layers: the index of the update. */
  private readonly updates: ReadonlyMap<string, number>;
  private readonly bySignature = new Map<string, Alike>();
  private readonly byPart = new Map<Part, Alike>();
  /** The part that was asked for last: all its sub-batch sizes are evaluated one after the other. */
  private last: { readonly part: Part; readonly alike: Alike; readonly layouts: Map<number, PartLayout> } | undefined;

  /**
   * @param pairs weight gradients and updates that parts join
   * @param outside plans updates that stand apart, on all of the buffer where `planner` has less
   */
  constructor(planner: Planner, pairs: readonly Pair[] = [], outside = planner) {
    const { network, uses, resources, tilings } = planner;
    this.updates = new Map(
      pairs.map(({ joined, update }) => [joined.name, network.layers.findIndex(({ layer }) => layer.name === update)]),
    );
    this.planner = planner;
    this.outside = outside;
    this.planners = SHARES.map((share) => {
      const globalBytes = Math.floor(resources.globalBytes * share);
      return share === 1 ? planner : new Planner(network, uses, { ...resources, globalBytes }, { tilings });
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
   * gradients, if `takesApart`, or the largest tensor there gives way. A group of this part alone holds over its iterations what lets it move least.
   */
  private planOf(planner: Planner, start: PartLayout, subBatch: number, holds: boolean, takesApart: boolean): Rated | undefined {
    let layout = start;
    for (let given = 0; subBatch === planner.network.batch || given <= MOST_GIVEN; ) {
      const { views, apart } = layout;
      const fits = layout.crowdedStep(subBatch, planner.resources.globalBytes) ?? fitAll(planner, layout, subBatch);
      if (typeof fits !== 'number') {
        const plan = { views, accesses: layout.accesses, fits, apart };
        return { ...(holds ? this.holdingMost(planner, plan, subBatch) : plan), gaveWay: given > 0 };
      }
      const joined = takesApart ? views.filter(({ unit, layer }) => unit === views[fits]?.unit && this.updates.has(layer.name)) : [];
      if (joined.length > 0) {
        layout = layout.takenApart(joined.map(({ layer }) => layer.name));
        continue;
      }
      const largest = layout.largestAt(fits);
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
    return this.planner.tilings.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch).bytes;
  }

  private layoutOf(part: Part, enters: boolean, exits: boolean): PartLayout {
    const { layouts } = this.focus(part);
    const key = (enters ? 2 : 0) + (exits ? 1 : 0);
    const before = layouts.get(key);
    if (before !== undefined) return before;
    const around: Surroundings = exits
      ? { stored: part.stored, enters: enters ? part.enters : undefined, exits: part.exits }
      : { stored: new Set([...part.stored, part.exits ?? '']), enters: enters ? part.enters : undefined };
    const layout = new PartLayout(part, around, part.refused, new Set());
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
      const moved = this.planner.tilings.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch);
      return this.work.add(sum, view, fit, subBatch, moved.bytes);
    }, ZERO);
  }

  private readonly updateAmounts = new Map<string, Amount>();
  private updateAmount(joined: string): Amount {
    const known = this.updateAmounts.get(joined);
    if (known !== undefined) return known;
    const index = this.updates.get(joined) ?? fail(diag.internal({ layer: joined }, 'joins no update'));
    const { accesses, fits, subBatch } = this.outside.wholeBatch(index, index + 1, 'none');
    const views = this.outside.network.layers.slice(index, index + 1);
    const amount = this.sum({ views, accesses, fits }, subBatch);
    this.updateAmounts.set(joined, amount);
    return amount;
  }
}

function keyOf(subBatch: number, enters: boolean, exits: boolean): number {
  return 4 * subBatch + (enters ? 2 : 0) + (exits ? 1 : 0);
}

/** How every layer runs, or the first step that does not. */
function fitAll(planner: Planner, layout: PartLayout, subBatch: number): Fit[] | number {
  const { views, accesses } = layout;
  // Now that the accesses are known, it may be more that is alive.
  const crowded = layout.crowdedStep(subBatch, planner.resources.globalBytes);
  if (crowded !== undefined) return crowded;
  const { live } = layout;
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
    return `${planner.tilings.likeness.of(view)} ${view.unit - firstUnit}:${operands.join()}`;
  });
  const marks = [...numbers.keys()].map((tensor) => {
    const sets = [part.stored, part.refused, part.uses.kept].map((set) => (set.has(tensor) ? 1 : 0)).join('');
    const isReadBehind = (part.uses.readers.get(tensor) ?? []).some((r) => r >= part.to) ? 1 : 0;
    return `${sets}${isReadBehind}${tensor === part.enters ? 'e' : ''}${tensor === part.exits ? 'x' : ''}`;
  });
  return `${part.splits}|${layers.join(';')}|${marks.join()}`;
}
