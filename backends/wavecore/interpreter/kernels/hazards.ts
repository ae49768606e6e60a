import type { Machine } from '../../machine/machine.ts';
import type { DrainTarget } from './kernels.ts';

/** What is read: each kind has a range of its own, because operands lie far apart. */
export type Read = 'moving' | 'stationary' | 'bias';

/** A range that grows. */
class Hull {
  private from = Number.POSITIVE_INFINITY;
  private to = Number.NEGATIVE_INFINITY;

  add(from: number, to: number): void {
    if (from < this.from) this.from = from;
    if (to > this.to) this.to = to;
  }

  meets(from: number, to: number): boolean {
    return from < this.to && to > this.from;
  }

  clear(): void {
    this.from = Number.POSITIVE_INFINITY;
    this.to = Number.NEGATIVE_INFINITY;
  }

  /** Takes over what `other` covers, and empties it. */
  absorb(other: Hull): void {
    this.add(other.from, other.to);
    other.clear();
  }
}

/**
 * What matrix instructions that were put off read and write. Threads execute them without waiting for each other, so none
 * may touch what another thread writes. Blocks of one result are safe together: different ones share no element, and rows of
 * the same one belong to the same thread.
 */
export class Hazards {
  private readonly reads: Readonly<Record<Read, Hull>> = { moving: new Hull(), stationary: new Hull(), bias: new Hull() };
  /** What the blocks of the present result cover, and what was written before them. */
  private readonly writes = new Hull();
  private readonly olderWrites = new Hull();
  private readonly blockColumns: number;
  /** The present result; undefined where its blocks may overlap those of the next drain. */
  private result: { base: number; f32: boolean } | undefined;

  constructor({ array }: Machine) {
    this.blockColumns = array.columns;
  }

  /** Whether what was put off must be done before bytes are read. */
  blocksRead(from: number, to: number): boolean {
    return this.writes.meets(from, to) || this.olderWrites.meets(from, to);
  }

  read(what: Read, from: number, to: number): void {
    this.reads[what].add(from, to);
  }

  /** Whether what was put off must be done before the results are written. */
  blocksWrite(target: DrainTarget): boolean {
    const { from, to } = target.span;
    if (this.isRead(from, to) || this.olderWrites.meets(from, to)) return true;
    return this.writes.meets(from, to) && !this.isBlockOfResult(target);
  }

  write(target: DrainTarget): void {
    const { base, f32, span, apart } = target;
    if (!this.isBlockOfResult(target)) {
      this.olderWrites.absorb(this.writes);
      this.result = apart && this.startsBlock(target) ? { base, f32 } : undefined;
    }
    this.writes.add(span.from, span.to);
  }

  configured(): void {
    this.result = undefined;
  }

  /** Whether anything was put off that reads or writes there. */
  touches(from: number, to: number): boolean {
    return this.blocksRead(from, to) || this.isRead(from, to);
  }

  clear(): void {
    for (const hull of [...Object.values(this.reads), this.writes, this.olderWrites]) hull.clear();
  }

  private isRead(from: number, to: number): boolean {
    const { moving, stationary, bias } = this.reads;
    return moving.meets(from, to) || stationary.meets(from, to) || bias.meets(from, to);
  }

  private isBlockOfResult(target: DrainTarget): boolean {
    return this.result?.base === target.base && this.result.f32 === target.f32 && this.startsBlock(target);
  }

  private startsBlock({ m0, n0, blockRows }: DrainTarget): boolean {
    return m0 % blockRows === 0 && n0 % this.blockColumns === 0;
  }
}
