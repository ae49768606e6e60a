import { isUpdated, type LayerView, type Network, type Operand } from './network.ts';
import type { Access, ScheduleName } from './schedule.ts';

/**
 * Which inter-layer data may stay on chip. `none`: nothing; `adjacent`: what the next unit uses;
 * `group`: also data shared between branches, to its last use in the group.
 */
export type Policy = 'none' | 'adjacent' | 'group';

export const POLICIES: Record<ScheduleName, Policy> = {
  baseline: 'none',
  archopt: 'none',
  il: 'adjacent',
  'mbs-fs': 'adjacent',
  mbs1: 'adjacent',
  mbs2: 'group',
  opt: 'group',
};

/** A tensor's stay in the global buffer: from the step that makes or loads it to its last use on chip. */
export interface Interval {
  readonly tensor: string;
  readonly bytes: number;
  readonly from: number;
  to: number;
  /** Takes over the place of this tensor, whose last use is step `from`. */
  inPlaceOf?: string;
}

/** An operand that all samples share, kept in the global buffer over the iterations of a group. */
export interface Held {
  readonly tensor: string;
  readonly bytes: number;
}

export interface GroupAccesses {
  readonly inputs: readonly (readonly Access[])[];
  readonly outputs: readonly (readonly Access[])[];
  readonly intervals: readonly Interval[];
  readonly held: readonly Held[];
}

/** Where each storage is used, over the whole network; computed once. */
export interface Uses {
  /** Indices of the layers that read each storage. */
  readonly readers: ReadonlyMap<string, readonly number[]>;
  /** Storages that the caller reads afterwards, or that live on in DRAM. */
  readonly kept: ReadonlySet<string>;
  /** Storages that are cut into sub-batches. */
  readonly batchedTensors: readonly string[];
}

export function usesOf(network: Network): Uses {
  const readers = new Map<string, number[]>();
  for (const view of network.layers) {
    for (const input of view.inputs) {
      const list = readers.get(input.tensor);
      if (list === undefined) readers.set(input.tensor, [view.index]);
      else if (list.at(-1) !== view.index) list.push(view.index);
    }
  }
  const kept = new Set<string>();
  for (const name of network.graph.outputs) kept.add(network.storages.of(name).name);
  for (const tensor of network.graph.tensors.values()) if (tensor.storage !== undefined) kept.add(network.storages.of(tensor.name).name);
  const batchedTensors = new Set(
    network.layers
      .flatMap((v) => [...v.inputs, ...v.outputs])
      .filter((o) => o.batched)
      .map((o) => o.tensor),
  );
  return { readers, kept, batchedTensors: [...batchedTensors] };
}

/** What surrounds layers that are only a part of a group or of a step. */
export interface Surroundings {
  /** Lies on chip when the first layer starts, and stays there behind the last one. */
  readonly enters?: string | undefined;
  readonly exits?: string | undefined;
  /** Storages that are read from DRAM by layers outside. */
  readonly stored: ReadonlySet<string>;
}

const ALONE: Surroundings = { stored: new Set() };

/** Decides for every operand of the layers [from, to) how it is reached. `refuse` names tensors that may not stay on chip. */
export function accessesOf(
  network: Network,
  uses: Uses,
  from: number,
  to: number,
  policy: Policy,
  refuse: ReadonlySet<string> = new Set(),
  around: Surroundings = ALONE,
): GroupAccesses {
  const views = network.layers.slice(from, to);
  const firstUnit = views[0]?.unit ?? 0;
  const unitOf = (index: number): number => (network.layers[index]?.unit ?? firstUnit) - firstUnit;
  const inGroup = (index: number): boolean => index >= from && index < to;
  const open = new Map<string, Interval>();
  const intervals: Interval[] = [];
  const inputs: Access[][] = [];
  const outputs: Access[][] = [];

  /** The last step, counted in the group, up to which a tensor that appears at layer `at` stays. */
  const lastUse = (tensor: string, at: number, reach: number): number => {
    if (tensor === around.exits) return to - 1;
    let last = at;
    for (const r of uses.readers.get(tensor) ?? []) if (r > at && inGroup(r) && (policy === 'group' || unitOf(r) <= reach)) last = r;
    return last;
  };
  const keep = (o: Operand, at: number, reach: number): Interval | undefined => {
    if (policy === 'none' || refuse.has(o.tensor) || !o.batched) return undefined;
    const last = lastUse(o.tensor, at, reach);
    if (last === at && o.tensor !== around.exits) return undefined;
    const interval: Interval = { tensor: o.tensor, bytes: o.bytes, from: at - from, to: last - from };
    intervals.push(interval);
    open.set(o.tensor, interval);
    return interval;
  };

  openEntering();
  for (const view of views) {
    const step = view.index - from;
    inputs.push(view.inputs.map((o, i) => readAccess(view, o, i)));
    outputs.push(view.outputs.map((o, i) => writeAccess(view, o, i, step)));
  }
  return { inputs, outputs, intervals, held: [] };

  function openEntering(): void {
    const { enters } = around;
    const reader = enters === undefined ? undefined : views.find((view) => view.inputs.some((o) => o.tensor === enters));
    const operand = reader?.inputs.find((o) => o.tensor === enters);
    if (operand === undefined) return;
    const interval = { tensor: operand.tensor, bytes: operand.bytes, from: 0, to: lastUse(operand.tensor, from - 1, 0) - from };
    intervals.push(interval);
    open.set(operand.tensor, interval);
  }

  function readAccess(view: LayerView, o: Operand, i: number): Access {
    const step = view.index - from;
    if (view.phase === 'update') return { tensor: o.tensor, mode: o.whole ? 'whole' : 'stream', store: false };
    if (isUpdated(view, 'in', i)) return { tensor: o.tensor, mode: 'stream', store: false };
    if (!o.batched)
      return { tensor: o.tensor, mode: view.matrix !== undefined && i === view.matrix.stationary ? 'panel' : 'whole', store: false };
    const held = open.get(o.tensor);
    if (held !== undefined && held.to >= step) {
      // An operand that this very layer loads appears as `load` at its first position and resident at any other.
      return { tensor: o.tensor, mode: 'resident', store: false };
    }
    return { tensor: o.tensor, mode: keep(o, view.index, unitOf(view.index)) === undefined ? 'stream' : 'load', store: false };
  }

  function writeAccess(view: LayerView, o: Operand, i: number, step: number): Access {
    if (view.phase === 'update') return { tensor: o.tensor, mode: o.whole ? 'whole' : 'stream', store: true };
    if (isUpdated(view, 'out', i)) return { tensor: o.tensor, mode: 'stream', store: true };
    // A gradient that its layer passes on to the update is needed nowhere else, unless the caller reads it.
    if (!o.batched && view.matrix !== undefined && i === 0)
      return { tensor: o.tensor, mode: 'panel', store: view.update === undefined || uses.kept.has(o.tensor) };
    if (!o.batched) return { tensor: o.tensor, mode: 'whole', store: true };
    const interval = keep(o, view.index, unitOf(view.index) + 1);
    if (interval === undefined) return { tensor: o.tensor, mode: 'stream', store: true };
    takeOver(view, interval, i, step);
    return { tensor: o.tensor, mode: 'resident', store: needsDram(o.tensor, interval) };
  }

  function needsDram(tensor: string, interval: Interval): boolean {
    if (uses.kept.has(tensor) || around.stored.has(tensor)) return true;
    return tensor !== around.exits && (uses.readers.get(tensor) ?? []).some((r) => r - from > interval.to);
  }

  function takeOver(view: LayerView, interval: Interval, output: number, step: number): void {
    if (output !== 0) return;
    const donor = view.record.inPlace
      ?.flatMap((index) => view.inputs[index] ?? [])
      .find((o) => o.batched && o.bytes === interval.bytes && o.tensor !== interval.tensor && open.get(o.tensor)?.to === step);
    if (donor !== undefined) interval.inPlaceOf = donor.tensor;
  }
}
