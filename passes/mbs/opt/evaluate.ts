import { heldBytes } from '../footprint.ts';
import { livePerSample } from '../layout.ts';
import type { LayerView, Network } from '../network.ts';
import { Planner } from '../planner.ts';
import { accessesOf, type GroupAccesses, type Interval, type Surroundings, type Uses } from '../residency.ts';
import type { Fit } from '../tiling.ts';
import { type Amount, ZERO } from './amount.ts';
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
}

/** A part on one sub-batch size. */
export interface Evaluation {
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
  readonly accesses: GroupAccesses;
  readonly fits: readonly Fit[];
}

/** Evaluates parts of steps; networks repeat their modules, so what is like a part before is not evaluated again. */
export class Evaluator {
  private readonly planner: Planner;
  /** For every share of the buffer. */
  private readonly planners: readonly Planner[];
  private readonly work: Work;
  private readonly bySignature = new Map<string, Alike>();
  private readonly byPart = new Map<Part, Alike>();
  /** The part that was asked for last: all its sub-batch sizes are evaluated one after the other. */
  private last: { readonly part: Part; readonly alike: Alike; readonly layouts: Map<number, Layout> } | undefined;

  constructor(planner: Planner) {
    const { network, uses, resources } = planner;
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
    const evaluation = plan && { amount: this.sum(viewsOf(part), plan, subBatch), gaveWay: plan.gaveWay };
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

  /**
   * Everything stays on chip that the layers share; where a layer does not fit beside it, the largest tensor there gives way. A group of this part
   * alone holds over its iterations what lets it move least.
   */
  plan(part: Part, subBatch: number, enters: boolean, exits: boolean): (Plan & { readonly gaveWay: boolean }) | undefined {
    const { network } = part;
    const views = viewsOf(part);
    if (subBatch < network.batch && views.some((view) => view.crossesSamples)) return undefined;
    const planner = this.planners[this.alike(part).tightened.get(subBatch) ?? 0];
    if (planner === undefined) return undefined;
    let layout = this.layoutOf(part, enters, exits);
    for (let given = 0; subBatch === network.batch || given <= MOST_GIVEN; given++) {
      const fits = crowdedStep(layout, subBatch, planner) ?? fitAll(planner, views, layout, subBatch);
      if (typeof fits !== 'number') {
        const plan = { accesses: layout.accesses, fits };
        return { ...(enters || exits ? plan : this.holdingMost(planner, views, plan, subBatch)), gaveWay: given > 0 };
      }
      const largest = largestAt(layout.accesses.intervals, fits, layout.around);
      if (largest === undefined) return undefined;
      layout = layout.without(largest);
    }
    return undefined;
  }

  /** The plan with what it may hold over its iterations, where it then moves less. */
  holdingMost(planner: Planner, views: readonly LayerView[], plan: Plan, subBatch: number): Plan {
    if (subBatch >= planner.network.batch) return plan;
    const live = livePerSample(plan.accesses.intervals, views.length);
    let best = plan;
    let least = 0;
    for (const accesses of holdings(views, plan.accesses, planner.resources.globalBytes)) {
      const fits = refit(planner, views, plan, { accesses, live }, subBatch);
      if (fits === undefined) continue;
      const more = this.movesMore(views, plan, { accesses, fits }, subBatch);
      if (more < least) [best, least] = [{ accesses, fits }, more];
    }
    return best;
  }

  /** DRAM bytes of a plan beyond those of another one. */
  private movesMore(views: readonly LayerView[], before: Plan, after: Plan, subBatch: number): number {
    const moved = ({ accesses, fits }: Plan, i: number): number => {
      const [view, fit] = [views[i], fits[i]];
      if (view === undefined || fit === undefined) return 0;
      return this.planner.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch).reduce((a, b) => a + b, 0);
    };
    return views.reduce((sum, _, i) => (after.fits[i] === before.fits[i] ? sum : sum + moved(after, i) - moved(before, i)), 0);
  }

  private layoutOf(part: Part, enters: boolean, exits: boolean): Layout {
    const { layouts } = this.focus(part);
    const key = (enters ? 2 : 0) + (exits ? 1 : 0);
    const before = layouts.get(key);
    if (before !== undefined) return before;
    const around: Surroundings = exits
      ? { stored: part.stored, enters: enters ? part.enters : undefined, exits: part.exits }
      : { stored: new Set([...part.stored, part.exits ?? '']), enters: enters ? part.enters : undefined };
    const layout = new Layout(part, around, part.refused);
    layouts.set(key, layout);
    return layout;
  }

  /** What layers cost over the whole mini-batch. */
  sum(views: readonly LayerView[], { accesses, fits }: Plan, subBatch: number): Amount {
    return fits.reduce<Amount>((sum, fit, i) => {
      const view = views[i];
      if (view === undefined) return sum;
      const moved = this.planner.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch);
      return this.work.add(sum, view, fit, subBatch, moved);
    }, ZERO);
  }
}

function viewsOf({ network, from, to }: Part): readonly LayerView[] {
  return network.layers.slice(from, to);
}

function keyOf(subBatch: number, enters: boolean, exits: boolean): number {
  return 4 * subBatch + (enters ? 2 : 0) + (exits ? 1 : 0);
}

/** The step at which resident tensors alone need most, where that is more than there is. */
function crowdedStep({ live }: Layout, subBatch: number, { resources }: Planner): number | undefined {
  let worst = 0;
  live.forEach((bytes, i) => {
    if (bytes > (live[worst] ?? 0)) worst = i;
  });
  return (live[worst] ?? 0) * subBatch > resources.globalBytes ? worst : undefined;
}

/** How every layer runs, or the first step that does not. */
function fitAll(planner: Planner, views: readonly LayerView[], { accesses, live }: Layout, subBatch: number): Fit[] | number {
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
  views: readonly LayerView[],
  plan: Plan,
  { accesses, live }: Pick<Layout, 'accesses' | 'live'>,
  subBatch: number,
): Fit[] | undefined {
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

/** Where the tensors of a part are while `refused` do not stay on chip; no sub-batch size enters into it. */
class Layout {
  readonly accesses: GroupAccesses;
  readonly live: readonly number[];
  readonly around: Surroundings;
  readonly refused: ReadonlySet<string>;
  private readonly part: Part;
  private readonly smaller = new Map<string, Layout>();

  constructor(part: Part, around: Surroundings, refused: ReadonlySet<string>) {
    const { network, uses, from, to } = part;
    this.part = part;
    this.around = around;
    this.refused = refused;
    this.accesses = accessesOf(network, uses, from, to, 'group', refused, around);
    this.live = livePerSample(this.accesses.intervals, to - from);
  }

  without(tensor: string): Layout {
    const layout = this.smaller.get(tensor) ?? new Layout(this.part, this.around, new Set([...this.refused, tensor]));
    this.smaller.set(tensor, layout);
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
