import { diag, fail } from '../../ir/diagnostics.ts';
import { type Draft, deferred, forgetful, repeated } from './draft.ts';
import { heldBytes } from './footprint.ts';
import { type Layout, Layouts } from './layout.ts';
import type { LayerView, Network, Operand } from './network.ts';
import { placeFits } from './place.ts';
import type { Misfit } from './refusal.ts';
import { Repeats } from './repeats.ts';
import type { GroupAccesses, Interval, Policy, Uses } from './residency.ts';
import type { Group, Resources } from './schedule.ts';
import { subBatches } from './sizes.ts';
import { liveInRound, roundOf, stepsIn } from './stages.ts';
import { Sums } from './sums.ts';
import type { Fit } from './tiling.ts';
import { sumByKind, Tilings, type Way } from './tilings.ts';

interface PlannerOptions {
  readonly refuse?: (misfit: Misfit) => never;
  readonly tilings?: Tilings;
}

/** Plans groups of one network for one machine; remembers what it has evaluated. */
export class Planner {
  readonly network: Network;
  readonly uses: Uses;
  readonly resources: Resources;
  readonly tilings: Tilings;
  private readonly layouts: Layouts;
  private repeats: Repeats | undefined;
  private tooLarge: readonly string[] | undefined;
  /** By phase and policy. */
  private readonly sums = new Map<string, Sums>();
  /** By how they were made, the number of their run of layers, and their first layer. */
  private readonly drafts = new Map<string, Map<number, Map<number, Draft | undefined>>>();
  /** Bytes that ranges move at least on the whole mini-batch. */
  private readonly leastWhole = new Map<string, number>();
  /** Bytes that a boundary may matter for at most on the whole mini-batch, by the layer behind it. */
  private readonly concerned = new Map<number, number>();
  private readonly refuse: (misfit: Misfit) => never;

  /**
   * @param refuse ends the planning where a layer does not fit in any way; of no use to a planner that is only asked what may be undefined
   * @param tilings those of another planner, of the same mini-batch and machine
   */
  constructor(
    network: Network,
    uses: Uses,
    resources: Resources,
    { refuse = unforeseen, tilings = new Tilings(network.batch, resources) }: PlannerOptions = {},
  ) {
    this.network = network;
    this.uses = uses;
    this.resources = resources;
    this.refuse = refuse;
    this.tilings = tilings;
    this.layouts = new Layouts(network, uses, this.tilings);
  }

  /** The better of serializing the range with the largest sub-batch and running it on the whole mini-batch. */
  draft(from: number, to: number, policy: Policy): Draft {
    return this.tryDraft(from, to, policy) ?? this.wholeBatch(from, to, policy);
  }

  /** The same; undefined where the range fits in neither way. */
  tryDraft(from: number, to: number, policy: Policy): Draft | undefined {
    return this.remembered(from, to, `${policy} either`, () => {
      const whole = this.findWholeBatch(from, to, policy);
      this.leastWhole.set(this.keyOf(from, to, policy), 'view' in whole ? Number.POSITIVE_INFINITY : whole.traffic);
      if ('view' in whole) return this.serialized(from, to, policy);
      const light = forgetful(whole, () => this.wholeBatch(from, to, policy));
      return this.better(this.serialized(from, to, policy), light);
    });
  }

  /** What was found before for the layers [from, to), or for layers that these repeat. */
  private remembered(from: number, to: number, manner: string, find: () => Draft | undefined): Draft | undefined {
    const run = this.repeatsOf().of(from, to);
    const byRun = this.drafts.get(manner) ?? new Map<number, Map<number, Draft | undefined>>();
    this.drafts.set(manner, byRun);
    const known = byRun.get(run) ?? new Map<number, Draft | undefined>();
    byRun.set(run, known);
    if (known.has(from)) return known.get(from);
    const [like] = known.size > 0 ? known.values() : [find()];
    const draft = like === undefined || like.from === from ? like : repeated(this.network, like, from);
    known.set(from, draft);
    return draft;
  }

  private repeatsOf(): Repeats {
    this.repeats ??= new Repeats(this.network, this.uses, this.tilings.likeness);
    return this.repeats;
  }

  private better(serial: Draft | undefined, whole: Draft): Draft {
    return serial !== undefined && serial.traffic < whole.traffic ? serial : whole;
  }

  /**
   * Adjacent groups as one; undefined where they cannot be. The whole mini-batch is considered only where one of them runs
   * on it already and it can move less than the groups apart.
   */
  merge(groups: readonly Draft[], policy: Policy): Draft | undefined {
    const [from, to] = [groups[0]?.from ?? 0, groups.at(-1)?.to ?? 0];
    const apart = groups.reduce((sum, { traffic }) => sum + traffic, 0);
    const key = this.keyOf(from, to, policy);
    const least = this.leastWhole.get(key) ?? this.leastOfParts(groups, policy);
    this.leastWhole.set(key, least);
    const whole = groups.some(({ subBatch }) => subBatch === this.network.batch) && least < apart;
    return whole ? this.tryDraft(from, to, policy) : this.serialized(from, to, policy);
  }

  /**
   * Bytes that groups move at least as one on the whole mini-batch: those of each alone, without all that those layers move which use a
   * tensor that can stay on chip across a boundary.
   */
  private leastOfParts(groups: readonly Draft[], policy: Policy): number {
    const alone = groups.reduce((sum, { from, to }) => sum + (this.leastWhole.get(this.keyOf(from, to, policy)) ?? 0), 0);
    return groups.slice(1).reduce((rest, { from }) => rest - this.concernedBy(from, policy), alone);
  }

  private concernedBy(boundary: number, policy: Policy): number {
    const known = this.concerned.get(boundary);
    if (known !== undefined) return known;
    const users = this.sumsOf(boundary, policy).reach.usersAcross(boundary, this.resources.globalBytes / this.network.batch);
    const bytes = users.reduce((sum, layer) => sum + this.streamed(layer), 0);
    this.concerned.set(boundary, bytes);
    return bytes;
  }

  /** Bytes that a layer moves alone with all operands in DRAM. */
  private streamed(layer: number): number {
    const alone = this.remembered(layer, layer + 1, 'streamed', () => {
      const draft = this.findWholeBatch(layer, layer + 1, 'none');
      return 'view' in draft ? undefined : draft;
    });
    return alone?.traffic ?? Number.POSITIVE_INFINITY;
  }

  private keyOf(from: number, to: number, policy: Policy): string {
    return `${policy} ${this.repeatsOf().of(from, to)}`;
  }

  /** The range on sub-batches of at most `limit` samples, everything that the policy allows on chip; undefined where that fits in no way. */
  serialized(from: number, to: number, policy: Policy, limit = this.network.batch): Draft | undefined {
    return this.remembered(from, to, `${policy} ${limit}`, () => this.findSerialized(from, to, policy, limit));
  }

  /** Which layers of the range run on sub-batches of `subBatch` samples beside everything that the policy keeps on chip. */
  fitsAt(from: number, to: number, policy: Policy, subBatch: number): boolean[] {
    const { ways, live } = this.layouts.of(from, to, policy);
    return ways.map((way, i) => this.fit(way, subBatch, live[i] ?? 0) !== undefined);
  }

  private findSerialized(from: number, to: number, policy: Policy, limit: number): Draft | undefined {
    const { batch, layers } = this.network;
    let crosses = false;
    for (let i = from; i < to && !crosses; i++) crosses = layers[i]?.crossesSamples === true;
    let best: Draft | undefined;
    let tried = 0;
    for (const s of subBatches(batch)) {
      if (s > limit || (crosses && s < batch)) continue;
      const draft = this.serializedOn(from, to, policy, s);
      if (draft === undefined) continue;
      if (best === undefined || draft.traffic < best.traffic) best = draft;
      if (++tried === SIZES_TRIED) break;
    }
    return best;
  }

  /** The same on sub-batches of so many samples, for layers that do not look at other samples. */
  serializedOn(from: number, to: number, policy: Policy, subBatch: number): Draft | undefined {
    const sums = this.sumsOf(from, policy);
    return sums.covers(from, to) ? this.summed(sums, from, to, policy, subBatch) : this.laidOut(from, to, policy, subBatch);
  }

  private summed(sums: Sums, from: number, to: number, policy: Policy, subBatch: number): Draft | undefined {
    const traffic = sums.at(from, to, subBatch);
    if (!Number.isFinite(traffic)) return undefined;
    const unforeseeable = (): never => fail(diag.internal({ layer: this.network.layers[from]?.layer.name ?? '' }, 'its sums do not hold'));
    return deferred(
      { from, to, subBatch, traffic },
      () => this.laidOut(from, to, policy, subBatch) ?? unforeseeable(),
      () => sums.byKindAt(from, to, subBatch),
    );
  }

  private laidOut(from: number, to: number, policy: Policy, subBatch: number): Draft | undefined {
    const layout = this.layouts.of(from, to, policy);
    const fits = this.fitAll(layout, subBatch);
    return fits && this.draftOf(from, to, subBatch, layout.accesses, fits);
  }

  private sumsOf(at: number, policy: Policy): Sums {
    const { layers } = this.network;
    const phase = layers[at]?.phase;
    const key = `${phase} ${policy}`;
    const known = this.sums.get(key);
    if (known !== undefined) return known;
    const from = layers.findIndex((view) => view.phase === phase);
    const to = layers.findLastIndex((view) => view.phase === phase) + 1;
    const { network, layouts, tilings } = this;
    const fit = (way: Way, samples: number, live: number): Fit | undefined => this.fit(way, samples, live);
    const sums = new Sums({ network, layouts, tilings, repeats: this.repeatsOf(), fit }, from, to, policy);
    this.sums.set(key, sums);
    return sums;
  }

  /**
   * The draft without the resident tensors that crowd a layer into a tiling that moves more than the tensor saves. Only for the
   * groups that are taken in the end: it plans the group anew for every such tensor.
   */
  refine(draft: Draft, policy: Policy): Draft {
    if (draft.subBatch < this.network.batch) return draft;
    const refused = new Set<string>(this.refusedBy(draft));
    let best = draft;
    for (const tensor of this.crowding(draft)) {
      const without = this.wholeBatch(draft.from, draft.to, policy, [...refused, tensor]);
      if (without.traffic >= best.traffic) continue;
      refused.add(tensor);
      best = without;
    }
    return best;
  }

  private refusedBy(draft: Draft): string[] {
    const kept = new Set(draft.accesses.intervals.map((v) => v.tensor));
    return this.uses.batchedTensors.filter((t) => !kept.has(t));
  }

  /** Resident tensors alive where a layer's tiling moves more than its best. */
  private crowding(draft: Draft): string[] {
    const { batch } = this.network;
    const tensors = new Set<string>();
    draft.fits.forEach((fit, i) => {
      const best = this.unhindered(draft, i, batch);
      if (best === undefined || fit.traffic <= best.traffic) return;
      for (const v of draft.accesses.intervals) if (v.from <= i && v.to >= i) tensors.add(v.tensor);
    });
    return [...tensors];
  }

  /** How a step would run alone in the buffer. */
  private unhindered(draft: Draft, step: number, samples: number): Fit | undefined {
    const view = this.network.layers[draft.from + step];
    const inputs = draft.accesses.inputs[step];
    const outputs = draft.accesses.outputs[step];
    if (view === undefined || inputs === undefined || outputs === undefined) return undefined;
    return this.tilings.rankingOf(this.tilings.wayOf(view, inputs, outputs), samples).first(true);
  }

  /** The range on the whole mini-batch; a tensor stays on chip where it fits, the largest ones giving way first. */
  wholeBatch(from: number, to: number, policy: Policy, refused: Iterable<string> = []): Draft {
    const draft = this.findWholeBatch(from, to, policy, refused);
    return 'view' in draft ? this.refuse(draft) : draft;
  }

  private findWholeBatch(from: number, to: number, policy: Policy, refuse: Iterable<string> = []): Draft | Misfit {
    const { batch } = this.network;
    const refused = new Set([...this.oversized(), ...refuse]);
    let before: { readonly layout: Layout; readonly fits: readonly (Fit | undefined)[] } | undefined;
    for (;;) {
      const layout = this.layouts.of(from, to, policy, refused);
      const { views, accesses, ways, live } = layout;
      const fits: Fit[] = [];
      const gone = new Set<string>();
      for (const [i, way] of ways.entries()) {
        const isSame = before?.layout.ways[i] === way && before.layout.live[i] === live[i];
        const fit = isSame ? before?.fits[i] : this.fit(way, batch, live[i] ?? 0);
        if (fit !== undefined) fits[i] = fit;
        else if (!this.giveWay(accesses, i, gone)) return this.misfit(views, accesses, i);
      }
      if (gone.size === 0) return this.draftOf(from, to, batch, accesses, fits);
      for (const tensor of gone) refused.add(tensor);
      before = { layout, fits };
    }
  }

  /** Tensors that the buffer does not hold for the whole mini-batch. */
  private oversized(): readonly string[] {
    const { batch, layers } = this.network;
    const isOversized = ({ batched, bytes }: Operand): boolean => batched && bytes * batch > this.resources.globalBytes;
    this.tooLarge ??= [
      ...new Set(layers.flatMap(({ outputs, inputs }) => [...inputs, ...outputs].filter(isOversized).map(({ tensor }) => tensor))),
    ];
    return this.tooLarge;
  }

  /** Marks the largest tensor alive at step `at` as one that gives way, unless one there does already; false if there is none. */
  private giveWay(accesses: GroupAccesses, at: number, gone: Set<string>): boolean {
    let largest: Interval | undefined;
    for (const v of accesses.intervals) {
      if (v.from > at || v.to < at) continue;
      if (gone.has(v.tensor)) return true;
      if (largest === undefined || v.bytes > largest.bytes) largest = v;
    }
    if (largest === undefined) return false;
    gone.add(largest.tensor);
    return true;
  }

  private misfit(views: readonly LayerView[], accesses: GroupAccesses, at: number): Misfit {
    const view = views[at] ?? fail(diag.internal({}, 'a step without a layer'));
    return { view, inputs: accesses.inputs[at] ?? [], outputs: accesses.outputs[at] ?? [], batch: this.network.batch };
  }

  private fitAll({ ways, live }: Layout, samples: number): Fit[] | undefined {
    const fits = new Array<Fit>(ways.length);
    // The fullest step fails first, if any does.
    const order = live.map((_, i) => i).sort((a, b) => (live[b] ?? 0) - (live[a] ?? 0));
    for (const i of order) {
      const way = ways[i];
      const fit = way && this.fit(way, samples, live[i] ?? 0);
      if (fit === undefined) return undefined;
      fits[i] = fit;
    }
    return fits;
  }

  /** How layer `i` of `views` runs in what `live` bytes a sample leave free; undefined where it does not. */
  fitOne(
    views: readonly LayerView[],
    accesses: GroupAccesses,
    samples: number,
    live: readonly number[],
    i: number,
    share = 1,
  ): Fit | undefined {
    const view = views[i];
    const inputs = accesses.inputs[i];
    const outputs = accesses.outputs[i];
    if (view === undefined || inputs === undefined || outputs === undefined) return undefined;
    return this.fit(this.tilings.wayOf(view, inputs, outputs), samples, live[i] ?? 0, share, heldBytes(accesses));
  }

  /** The best tiling in a share of what residents of `live` bytes a sample, and `held` bytes, leave free; undefined where there is none. */
  private fit(way: Way, samples: number, live: number, share = 1, held = 0): Fit | undefined {
    return this.tilings.fit(way, samples, (this.resources.globalBytes - held - live * samples) * share, live === 0);
  }

  /** A draft of layers whose accesses and tilings are decided. */
  draftOf(from: number, to: number, subBatch: number, accesses: GroupAccesses, fits: readonly Fit[]): Draft {
    const moved = fits.map((fit, i) => {
      const view = this.network.layers[from + i];
      return view && this.tilings.movedBy(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch);
    });
    const traffic = moved.reduce((sum, own) => sum + (own?.bytes ?? 0), 0);
    return deferred(
      { from, to, subBatch, traffic },
      () => ({ accesses, fits }),
      () => sumByKind(moved),
    );
  }

  /** Gives every resident tensor and block an address; gives up on chip what a fragmented buffer cannot hold. */
  place(draft: Draft, policy: Policy): Group {
    const group = this.tryPlace(draft);
    if (group !== undefined) return group;
    const { from, to, subBatch, accesses } = draft;
    const smaller = subBatch > 1 && subBatch < this.network.batch ? this.serialized(from, to, policy, subBatch - 1) : undefined;
    if (smaller !== undefined) return this.place(smaller, policy);
    const refused = this.refusedBy(draft);
    const largest = accesses.intervals.reduce<Interval | undefined>((a, b) => (a === undefined || b.bytes > a.bytes ? b : a), undefined);
    if (largest === undefined)
      return fail(
        diag.internal({ layer: this.network.layers[from]?.layer.name ?? '' }, 'working blocks of one layer do not fit their own plan'),
      );
    return this.place(this.wholeBatch(from, to, policy, [...refused, largest.tensor]), policy);
  }

  /** The same, undefined where the buffer is too fragmented; `stages`: those of its iterations, if they overlap. */
  tryPlace(draft: Draft, stages?: Group['stages']): Group | undefined {
    const { from, to, subBatch, accesses } = draft;
    const views = this.network.layers.slice(from, to);
    const round = roundOf({ steps: views, stages });
    const live = liveInRound(accesses.intervals, round);
    const fits = [...draft.fits];
    const shares = fits.map(() => 1);
    for (let attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
      const placed = placeFits(this, draft, views, fits, stages);
      if (!('blocked' in placed)) return placed;
      // The steps that the homeless block lives through make room: their working blocks take the next smaller tiling.
      for (const i of stepsIn(round, placed.blocked)) {
        shares[i] = (shares[i] ?? 1) * SHRINK;
        const smaller = this.fitOne(views, accesses, subBatch, live, i, shares[i]);
        if (smaller === undefined) return undefined;
        fits[i] = smaller;
      }
    }
    return undefined;
  }
}

function unforeseen({ view }: Misfit): never {
  return fail(diag.internal({ layer: view.layer.name }, 'it was planned where it does not fit'));
}

/** Sub-batch sizes that are compared, from the largest that fits on: a larger one may force its layers into worse tilings. */
const SIZES_TRIED = 2;

const PLACE_ATTEMPTS = 100;
const SHRINK = 0.9;
