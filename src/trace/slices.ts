import { LAYERS_THREAD, type Label, type Labels } from './labels.ts';

/** Work of one track on one layer; times are cycles. */
export interface Slice {
  readonly label: Label;
  /** How many times the layer had begun. */
  readonly visit: number;
  readonly start: number;
  readonly end: number;
  /** Busy in [start, end): less than its length where slices with gaps were merged, or a transfer was interrupted. */
  readonly cycles: number;
  readonly instructions: number;
  /** Across the DRAM pins; 0 for what is no transfer. */
  readonly bytes: number;
}

/** Bytes of a slice's text beside its label: an upper bound, for runs of less than 10^15 nanoseconds. */
const NUMBERS = 80;
const COUNT = 30;
const BYTES = 26;

/** Factor by which the gap that is closed grows, and the widest one: longer than any iteration of a layer. */
const GAP_GROWTH = 2;
export const WIDEST_GAP = 2 ** 40;
/** Beyond it, only the first iteration of every group is left. */
const RAREST = 2 ** 32;

/** A part of the budget, down to which the text shrinks at once, so that slices are not merged again at each that follows. */
const TARGET = 0.8;

/**
 * The slices of a trace, kept within a budget of bytes. When they outgrow it, slices of one layer on one track become one where
 * the gap between them is at most `gap` cycles, which grows as needed; when that is not enough, only every `every`-th iteration
 * of a layer group is kept. What is kept depends on the final `gap` and `every` alone, not on when they grew.
 */
export class Slices {
  /** Widest gap that is closed; negative: no slices are merged. */
  gap = -1;
  every = 1;
  private tracks = new Map<number, Slice[]>();
  private text = 0;
  private readonly budget: number;
  private readonly labels: Labels;

  constructor(budget: number, labels: Labels) {
    this.budget = budget;
    this.labels = labels;
  }

  /** Adds a slice behind the others of its track. */
  add(slice: Slice): void {
    this.insert(slice);
    if (this.text > this.budget) this.coarsen();
  }

  /** Whether the text is within the budget; it is not where even one iteration of every group is too much. */
  get fits(): boolean {
    return this.text <= this.budget;
  }

  /** All slices, track by track, in order of time. */
  *[Symbol.iterator](): Generator<Slice> {
    for (const [, track] of [...this.tracks].sort(([a], [b]) => a - b)) yield* track;
  }

  private insert(slice: Slice): void {
    if (slice.visit % this.every !== 0) return;
    const { track: thread } = slice.label;
    const track = this.tracks.get(thread) ?? [];
    if (track.length === 0) this.tracks.set(thread, track);
    const last = track.at(-1);
    if (last !== undefined && sameWork(last, slice) && slice.start - last.end <= this.gap) {
      const merged = this.merge(last, slice);
      track[track.length - 1] = merged;
      this.text += textBytes(merged) - textBytes(last);
    } else {
      track.push(slice);
      this.text += textBytes(slice);
    }
  }

  private merge(a: Slice, b: Slice): Slice {
    return {
      label: this.labels.union(a.label, b.label),
      visit: a.visit,
      start: a.start,
      end: b.end,
      cycles: a.cycles + b.cycles,
      instructions: a.instructions + b.instructions,
      bytes: a.bytes + b.bytes,
    };
  }

  private coarsen(): void {
    while (this.text > this.budget * TARGET && this.every < RAREST) {
      if (this.gap < 0) this.gap = 0;
      else if (this.gap < WIDEST_GAP) this.gap = Math.max(1, this.gap * GAP_GROWTH);
      else this.every *= 2;
      const before = [...this];
      this.tracks = new Map();
      this.text = 0;
      for (const slice of before) this.insert(slice);
    }
  }
}

function sameWork(a: Slice, b: Slice): boolean {
  return a.label.layer === b.label.layer && a.visit === b.visit;
}

function textBytes({ label, instructions, bytes }: Slice): number {
  const counted = instructions > 1 || label.track === LAYERS_THREAD;
  return label.bytes + NUMBERS + (counted ? COUNT : 0) + (bytes > 0 ? BYTES : 0);
}
