import type { LayerView, Network } from '../network.ts';

/** A place between two layers that one large tensor crosses; small ones that cross it too go through DRAM. */
export interface Position {
  /** Index of the first forward layer behind it. */
  readonly forward: number;
  /** Index of the first layer behind it in backward order; absent in inference. */
  readonly backward?: number;
  /** Storages of the tensor that crosses it forward, and of its gradient; absent at the ends. */
  readonly tensor?: string;
  readonly gradient?: string;
  readonly bytes: number;
}

/** Where the step may be cut into pieces: the phases as ranges of layers, and the positions in forward order. */
export interface Positions {
  readonly forward: Range;
  readonly backward: Range;
  readonly update: Range;
  readonly all: readonly Position[];
  /** Storages of the small tensors that cross a position: they go through DRAM. */
  readonly sides: ReadonlySet<string>;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** What crosses a place together with the large tensor is at most this share of it. */
const SMALL = 1 / 16;

interface Crossing {
  readonly tensor: string;
  readonly bytes: number;
}

/**
 * The positions of a step: the ends, and every place between units that one tensor crosses in forward and its gradient in backward.
 * What backward keeps of forward does not cross: it lies in DRAM or is computed again.
 */
export function positionsOf(network: Network): Positions {
  const { layers } = network;
  const phase = (name: LayerView['phase']): Range => {
    const of = layers.filter((view) => view.phase === name);
    return of.length === 0 ? { from: layers.length, to: layers.length } : { from: of[0]?.index ?? 0, to: (of.at(-1)?.index ?? 0) + 1 };
  };
  const [forward, backward, update] = [phase('forward'), phase('backward'), phase('update')];
  const trains = backward.to > backward.from;
  const over = crossings(layers, forward);
  const back = crossings(layers, backward);
  const starts = trains ? backwardStarts(layers, forward, backward) : undefined;
  const sides = new Set<string>();
  const leaveOut = (crossing: readonly Crossing[], main: string): void => {
    for (const { tensor } of crossing) if (tensor !== main) sides.add(tensor);
  };
  const all: Position[] = [{ forward: forward.from, bytes: 0, ...(trains ? { backward: backward.to } : {}) }];
  for (let p = forward.from + 1; p < forward.to; p++) {
    if (layers[p]?.unit === layers[p - 1]?.unit) continue;
    const main = alone(over(p));
    // Where the same tensor crosses as before, the layers between are a branch beside it.
    if (main === undefined || main.tensor === all.at(-1)?.tensor) continue;
    if (starts === undefined) all.push({ forward: p, tensor: main.tensor, bytes: main.bytes });
    else {
      const q = starts(p);
      const gradient = q === undefined ? undefined : alone(back(q));
      if (q === undefined || gradient === undefined || q >= (all.at(-1)?.backward ?? 0)) continue;
      if (gradient.tensor === all.at(-1)?.gradient) continue;
      all.push({ forward: p, backward: q, tensor: main.tensor, gradient: gradient.tensor, bytes: main.bytes });
      leaveOut(back(q), gradient.tensor);
    }
    leaveOut(over(p), main.tensor);
  }
  all.push({ forward: forward.to, bytes: 0, ...(trains ? { backward: backward.from } : {}) });
  return { forward, backward, update, all, sides };
}

/** The one large tensor of a crossing. */
function alone(crossing: readonly Crossing[]): Crossing | undefined {
  const [main, ...others] = [...crossing].sort((a, b) => b.bytes - a.bytes);
  const rest = others.reduce((sum, { bytes }) => sum + bytes, 0);
  return main !== undefined && rest <= main.bytes * SMALL ? main : undefined;
}

/** Of a phase: what its layers before an index make and those from it on read. */
function crossings(layers: readonly LayerView[], { from, to }: Range): (at: number) => readonly Crossing[] {
  const made = new Map<string, { at: number; last: number; bytes: number }>();
  for (const view of layers.slice(from, to)) {
    for (const { tensor } of view.inputs) {
      const use = made.get(tensor);
      if (use !== undefined) use.last = view.index;
    }
    for (const { tensor, batched, bytes } of view.outputs) if (batched) made.set(tensor, { at: view.index, last: view.index, bytes });
  }
  const all = [...made].map(([tensor, use]) => ({ tensor, ...use }));
  return (at) => all.filter((use) => use.at < at && use.last >= at);
}

/**
 * For a forward index, the index of the first backward layer that belongs to the forward layers before it. Undefined where one that belongs to
 * those behind it comes later, as it may with several losses: it would find in DRAM what nothing stores for it.
 */
function backwardStarts(layers: readonly LayerView[], forward: Range, backward: Range): (p: number) => number | undefined {
  const unitStart = new Map<string, number>();
  for (const view of layers.slice(forward.from, forward.to))
    if (!unitStart.has(view.layer.unit)) unitStart.set(view.layer.unit, view.index);
  const of: number[] = [];
  const own: number[] = [];
  let last = forward.to;
  for (const view of layers.slice(backward.from, backward.to)) {
    // Sums of gradients belong to the layers whose gradients they add: those before them.
    const { unit } = view.layer;
    const at = unit.endsWith('.grad') ? unitStart.get(unit.slice(0, -'.grad'.length)) : undefined;
    if (at !== undefined) last = Math.min(last, at);
    of.push(last);
    own.push(at ?? last);
  }
  return (p) => {
    const i = of.findIndex((at) => at < p);
    return i < 0 || own.slice(i).some((at) => at >= p) ? undefined : backward.from + i;
  };
}
