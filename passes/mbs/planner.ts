import { diag, fail } from '../../ir/diagnostics.ts';
import { TENSOR_KINDS } from '../../ir/tensor.ts';
import type { Lifetime } from './allocate.ts';
import { footprintOf } from './footprint.ts';
import { Likeness } from './likeness.ts';
import type { LayerView, Network } from './network.ts';
import type { Misfit } from './refusal.ts';
import { accessesOf, type GroupAccesses, type Interval, type Policy, type Uses } from './residency.ts';
import { type Access, align, type Block, type Group, type Resident, type Resources, type Step } from './schedule.ts';
import { allocateApart } from './separate.ts';
import { subBatches } from './sizes.ts';
import { burstBytes, type Fit, fitStriped, rankFits } from './tiling.ts';
import { type IterationKind, pieces, type Tiling, visitTransfers } from './transfers.ts';

/** A way to run the layers [from, to) as one group, before addresses are given. */
export interface Draft {
  readonly from: number;
  readonly to: number;
  readonly subBatch: number;
  readonly accesses: GroupAccesses;
  readonly fits: readonly Fit[];
  /** DRAM bytes of the whole mini-batch. */
  readonly traffic: number;
  /** The same by tensor kind, in the order of `TENSOR_KINDS`. */
  readonly byKind: Float64Array;
}

const KIND_INDEX = new Map(TENSOR_KINDS.map((kind, i) => [kind, i]));

/** Plans groups of one network for one machine; remembers what it has evaluated. */
export class Planner {
  readonly network: Network;
  readonly uses: Uses;
  readonly resources: Resources;
  private readonly likeness = new Likeness();
  /** By likeness, samples, and how operands are reached. */
  private readonly ranked: Map<number, Map<string, Fit[]>>[] = [];
  private readonly moved = new WeakMap<Fit, Map<number, Float64Array>>();
  private readonly tried = new Map<string, Draft | undefined>();
  private readonly drafts = new Map<string, Draft | undefined>();

  private readonly refuse: (misfit: Misfit) => never;

  /** @param refuse ends the planning where a layer does not fit in any way; of no use to a planner that is only asked what may be undefined */
  constructor(network: Network, uses: Uses, resources: Resources, refuse: (misfit: Misfit) => never = unforeseen) {
    this.network = network;
    this.uses = uses;
    this.resources = resources;
    this.refuse = refuse;
  }

  /** The better of serializing the range with the largest sub-batch and running it on the whole mini-batch. */
  draft(from: number, to: number, policy: Policy): Draft {
    return this.tryDraft(from, to, policy) ?? this.wholeBatch(from, to, policy);
  }

  /** The same; undefined where the range fits in neither way. */
  tryDraft(from: number, to: number, policy: Policy): Draft | undefined {
    const key = `${from},${to},${policy}`;
    if (this.tried.has(key)) return this.tried.get(key);
    const draft = this.better(this.serialized(from, to, policy), this.findWholeBatch(from, to, policy));
    this.tried.set(key, draft);
    return draft;
  }

  private better(serial: Draft | undefined, whole: Draft | Misfit): Draft | undefined {
    if ('view' in whole) return serial;
    return serial !== undefined && serial.traffic < whole.traffic ? serial : whole;
  }

  /**
   * Adjacent groups as one; undefined where they cannot be. The whole mini-batch is considered only where one of them runs
   * on it already: otherwise all would lose more than the boundaries save.
   */
  merge(groups: readonly Draft[], policy: Policy): Draft | undefined {
    const [from, to] = [groups[0]?.from ?? 0, groups.at(-1)?.to ?? 0];
    const whole = groups.some(({ subBatch }) => subBatch === this.network.batch);
    return whole ? this.tryDraft(from, to, policy) : this.serialized(from, to, policy);
  }

  /** The range on sub-batches of at most `limit` samples, everything that the policy allows on chip; undefined where that fits in no way. */
  serialized(from: number, to: number, policy: Policy, limit = this.network.batch): Draft | undefined {
    const key = `${from},${to},${policy},${limit}`;
    if (this.drafts.has(key)) return this.drafts.get(key);
    const draft = this.findSerialized(from, to, policy, limit);
    this.drafts.set(key, draft);
    return draft;
  }

  /** Which layers of the range run on sub-batches of `subBatch` samples beside everything that the policy keeps on chip. */
  fitsAt(from: number, to: number, policy: Policy, subBatch: number): boolean[] {
    const views = this.network.layers.slice(from, to);
    const accesses = accessesOf(this.network, this.uses, from, to, policy);
    const live = livePerSample(accesses.intervals, views.length);
    return views.map((_, i) => this.fitOne(views, accesses, subBatch, live, i) !== undefined);
  }

  private findSerialized(from: number, to: number, policy: Policy, limit: number): Draft | undefined {
    const { batch, layers } = this.network;
    const views = layers.slice(from, to);
    const crosses = views.some((v) => v.crossesSamples);
    const accesses = accessesOf(this.network, this.uses, from, to, policy);
    const live = livePerSample(accesses.intervals, views.length);
    const peak = Math.max(...live);
    let best: Draft | undefined;
    let tried = 0;
    for (const s of subBatches(batch)) {
      if (s > limit || (crosses && s < batch) || peak * s > this.resources.globalBytes) continue;
      const fits = this.fitAll(views, accesses, s, live);
      if (fits === undefined) continue;
      const draft = this.draftOf(from, to, s, accesses, fits);
      if (best === undefined || draft.traffic < best.traffic) best = draft;
      if (++tried === SIZES_TRIED) break;
    }
    return best;
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
      const best = this.rankedFits(draft, i, batch)[0];
      if (best === undefined || fit.traffic <= best.traffic) return;
      for (const v of draft.accesses.intervals) if (v.from <= i && v.to >= i) tensors.add(v.tensor);
    });
    return [...tensors];
  }

  private rankedFits(draft: Draft, step: number, samples: number): Fit[] {
    const view = this.network.layers[draft.from + step];
    const inputs = draft.accesses.inputs[step];
    const outputs = draft.accesses.outputs[step];
    return view === undefined || inputs === undefined || outputs === undefined ? [] : this.rank(view, inputs, outputs, samples);
  }

  /** The range on the whole mini-batch; a tensor stays on chip where it fits, the largest ones giving way first. */
  wholeBatch(from: number, to: number, policy: Policy, refused: Iterable<string> = []): Draft {
    const draft = this.findWholeBatch(from, to, policy, refused);
    return 'view' in draft ? this.refuse(draft) : draft;
  }

  private findWholeBatch(from: number, to: number, policy: Policy, refuse: Iterable<string> = []): Draft | Misfit {
    const { batch, layers } = this.network;
    const views = layers.slice(from, to);
    const refused = new Set(refuse);
    for (;;) {
      const accesses = accessesOf(this.network, this.uses, from, to, policy, refused);
      const live = livePerSample(accesses.intervals, views.length);
      const fits: Fit[] = [];
      const gone = new Set<string>();
      for (let i = 0; i < views.length; i++) {
        const fit = this.fitOne(views, accesses, batch, live, i);
        if (fit !== undefined) fits.push(fit);
        else if (!this.giveWay(accesses, i, gone)) return this.misfit(views, accesses, i);
      }
      if (gone.size === 0) return this.draftOf(from, to, batch, accesses, fits);
      for (const tensor of gone) refused.add(tensor);
    }
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

  private fitAll(views: readonly LayerView[], accesses: GroupAccesses, samples: number, live: readonly number[]): Fit[] | undefined {
    const fits = new Array<Fit>(views.length);
    // The fullest step fails first, if any does.
    const order = views.map((_, i) => i).sort((a, b) => (live[b] ?? 0) - (live[a] ?? 0));
    for (const i of order) {
      const fit = this.fitOne(views, accesses, samples, live, i);
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
    const free = (this.resources.globalBytes - (live[i] ?? 0) * samples) * share;
    const ranked = this.rank(view, inputs, outputs, samples);
    const striped = (narrow: boolean): Fit | undefined => fitStriped(view, inputs, outputs, samples, free, this.resources, narrow);
    const wide = ranked.find((fit) => !fit.narrow && fit.bytes <= free) ?? striped(false);
    // A half-empty array costs more than a resident tensor saves: narrow panels are for layers that are alone in the buffer.
    if (wide !== undefined || (live[i] ?? 0) > 0) return wide;
    return ranked.find((fit) => fit.bytes <= free) ?? striped(true);
  }

  /** A number that layers share which cost the same under the same accesses. */
  likenessOf(view: LayerView): number {
    return this.likeness.of(view);
  }

  private rank(view: LayerView, inputs: readonly Access[], outputs: readonly Access[], samples: number): Fit[] {
    const likeness = this.likeness.of(view);
    const bySamples = this.ranked[likeness] ?? new Map<number, Map<string, Fit[]>>();
    this.ranked[likeness] = bySamples;
    const byAccess = bySamples.get(samples) ?? new Map<string, Fit[]>();
    bySamples.set(samples, byAccess);
    const key = signature(inputs) + signature(outputs);
    const known = byAccess.get(key);
    if (known !== undefined) return known;
    const ranked = rankFits(view, inputs, outputs, samples, this.resources);
    byAccess.set(key, ranked);
    return ranked;
  }

  /** A draft of layers whose accesses and tilings are decided. */
  draftOf(from: number, to: number, subBatch: number, accesses: GroupAccesses, fits: readonly Fit[]): Draft {
    const byKind = new Float64Array(TENSOR_KINDS.length);
    fits.forEach((fit, i) => {
      const view = this.network.layers[from + i];
      const inputs = accesses.inputs[i];
      const outputs = accesses.outputs[i];
      if (view === undefined || inputs === undefined || outputs === undefined) return;
      this.movedBy(fit, view, inputs, outputs, subBatch).forEach((bytes, kind) => {
        byKind[kind] = (byKind[kind] ?? 0) + bytes;
      });
    });
    return { from, to, subBatch, accesses, fits, traffic: byKind.reduce((a, b) => a + b, 0), byKind };
  }

  /** DRAM bytes of a layer over the whole mini-batch, by tensor kind. A fit belongs to layers that are alike and reached alike. */
  movedBy(fit: Fit, view: LayerView, inputs: readonly Access[], outputs: readonly Access[], subBatch: number): Float64Array {
    const known = this.moved.get(fit) ?? new Map<number, Float64Array>();
    this.moved.set(fit, known);
    const before = known.get(subBatch);
    if (before !== undefined) return before;
    const byKind = this.movedIn(fit, view, inputs, outputs, subBatch);
    known.set(subBatch, byKind);
    return byKind;
  }

  /** The same of any tiling. */
  movedIn(tiling: Tiling, view: LayerView, inputs: readonly Access[], outputs: readonly Access[], subBatch: number): Float64Array {
    const byKind = new Float64Array(TENSOR_KINDS.length);
    for (const iteration of iterationKinds(this.network.batch, subBatch)) {
      visitTransfers(view, inputs, outputs, tiling, iteration, (_tensor, kind, _direction, rows, rowBytes, contiguous, times) => {
        const index = KIND_INDEX.get(kind) ?? 0;
        byKind[index] = (byKind[index] ?? 0) + burstBytes(rows, rowBytes, contiguous, this.resources.burstBytes) * times;
      });
    }
    return byKind;
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

  /** The same, undefined where the buffer is too fragmented. */
  tryPlace(draft: Draft): Group | undefined {
    const { from, to, subBatch, accesses } = draft;
    const views = this.network.layers.slice(from, to);
    const live = livePerSample(accesses.intervals, views.length);
    const fits = [...draft.fits];
    const shares = fits.map(() => 1);
    for (let attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
      const placed = placeFits(this, draft, views, fits);
      if (!('blocked' in placed)) return placed;
      const { blocked } = placed;
      // The steps that the homeless block lives through make room: their working blocks take the next smaller tiling.
      for (let i = blocked.from; i <= blocked.to; i++) {
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

/** How operands are reached, a letter each. */
function signature(accesses: readonly Access[]): string {
  let text = ';';
  for (const { mode, store } of accesses) text += LETTERS[mode][store ? 1 : 0];
  return text;
}

const LETTERS: Readonly<Record<Access['mode'], string>> = { resident: 'rR', load: 'lL', stream: 'sS', whole: 'wW', panel: 'pP' };

/** Iterations of a group on the mini-batch: the full ones, then a shorter one where the sub-batch does not divide it. */
export function iterationKinds(batch: number, subBatch: number): IterationKind[] {
  return pieces(batch, subBatch).map((piece, i, all) => ({
    samples: piece.size,
    full: Math.min(batch, subBatch),
    times: piece.count,
    later: i === 0 ? piece.count - 1 : piece.count,
    last: i === all.length - 1 ? 1 : 0,
  }));
}

/** Bytes a sample of the resident tensors at every step; a tensor that takes over another's place is counted once. */
export function livePerSample(intervals: readonly Interval[], steps: number): number[] {
  const live = new Array<number>(steps).fill(0);
  for (const v of intervals) {
    const first = v.inPlaceOf === undefined ? v.from : v.from + 1;
    for (let i = first; i <= v.to; i++) live[i] = (live[i] ?? 0) + align(v.bytes);
  }
  return live;
}

function placeFits(
  planner: Planner,
  draft: Draft,
  views: readonly LayerView[],
  fits: readonly Fit[],
): Group | { readonly blocked: Lifetime } {
  const { subBatch, accesses, from } = draft;
  const lifetimes: Lifetime[] = [];
  const chains = chainsOf(accesses.intervals);
  for (const [key, chain] of chains) lifetimes.push({ key, bytes: align(chain.bytes * subBatch), from: chain.from, to: chain.to });
  fits.forEach((fit, i) => {
    for (const b of fit.blocks) lifetimes.push({ key: blockKey(i, b), bytes: align(b.bytes * b.halves), from: i, to: i });
  });
  const addresses = allocateApart(lifetimes, planner.resources.globalBytes);
  if (!(addresses instanceof Map)) return { blocked: addresses };
  const at = (key: string): number => addresses.get(key) ?? fail(diag.internal({}, `block ${key} has no address`));
  const residents: Resident[] = [];
  for (const [key, chain] of chains) {
    for (const v of chain.intervals)
      residents.push({ tensor: v.tensor, address: at(key), bytes: v.bytes * subBatch, from: v.from, to: v.to });
  }
  const steps = fits.map((fit, i): Step => {
    const blocks = fit.blocks.map((b) => ({ ...b, address: at(blockKey(i, b)) }));
    return {
      layer: views[i]?.layer.name ?? fail(diag.internal({}, `no layer ${from + i}`)),
      inputs: accesses.inputs[i] ?? [],
      outputs: accesses.outputs[i] ?? [],
      chunk: fit.chunk,
      ...(fit.stripes === undefined ? {} : { stripes: fit.stripes }),
      ...(fit.panel === undefined ? {} : { panel: fit.panel }),
      blocks,
      footprint: footprintOf(i, residents, blocks),
    };
  });
  const phases = new Set(views.map((view) => view.phase));
  const phase = phases.size > 1 ? 'turn' : (views[0]?.phase ?? 'forward');
  return { phase, subBatch, iterations: Math.ceil(planner.network.batch / subBatch), steps, residents };
}

function blockKey(step: number, block: Block): string {
  return `${step}/${block.name}`;
}

interface Chain {
  readonly bytes: number;
  readonly from: number;
  to: number;
  readonly intervals: Interval[];
}

/** Intervals that take over each other's place share one block of the buffer. */
function chainsOf(intervals: readonly Interval[]): Map<string, Chain> {
  const chains = new Map<string, Chain>();
  const open = new Map<string, Chain>();
  intervals.forEach((v, i) => {
    const donor = v.inPlaceOf === undefined ? undefined : open.get(v.inPlaceOf);
    if (donor !== undefined) {
      donor.to = Math.max(donor.to, v.to);
      donor.intervals.push(v);
      open.set(v.tensor, donor);
      return;
    }
    const chain: Chain = { bytes: v.bytes, from: v.from, to: v.to, intervals: [v] };
    chains.set(`${i}:${v.tensor}`, chain);
    open.set(v.tensor, chain);
  });
  return chains;
}
