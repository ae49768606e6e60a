import { AGENT, type Agent, type HappensBefore } from './clocks.ts';
import type { ShadowFinding } from './shadow-buffer.ts';

/** What is known of the bytes from `from` on, up to the next segment. */
interface Segment {
  from: number;
  defined: boolean;
  /** Time and instruction of the last store, and of the last load since; time 0: none. */
  storeTime: number;
  storePc: number;
  loadTime: number;
  loadPc: number;
}

/**
 * What is known of every byte of one tensor in DRAM, kept in segments of bytes that were used alike. Only the two DMA
 * units reach the DRAM.
 */
export class ShadowTensor {
  private readonly segments: Segment[];
  private readonly bytes: number;
  private readonly order: HappensBefore;
  private readonly report: (finding: ShadowFinding) => void;

  constructor(bytes: number, defined: boolean, order: HappensBefore, report: (finding: ShadowFinding) => void) {
    this.bytes = bytes;
    this.order = order;
    this.report = report;
    this.segments = [{ from: 0, defined, storeTime: 0, storePc: -1, loadTime: 0, loadPc: -1 }];
  }

  load(from: number, to: number, time: number, pc: number): void {
    for (const segment of this.between(from, to)) {
      if (!segment.defined) this.find('uninitialized', false, -1, AGENT.store, segment.from);
      this.checkStore(segment, AGENT.load);
      segment.loadTime = time;
      segment.loadPc = pc;
    }
    this.merge(from, to);
  }

  store(from: number, to: number, time: number, pc: number): void {
    for (const segment of this.between(from, to)) {
      this.checkStore(segment, AGENT.store);
      if (segment.loadTime > 0 && !this.order.ordered(AGENT.load, segment.loadTime))
        this.find('race', false, segment.loadPc, AGENT.load, segment.from);
      if (segment.storeTime > 0 && segment.loadTime === 0) this.find('lost', true, segment.storePc, AGENT.store, segment.from);
      segment.defined = true;
      segment.storeTime = time;
      segment.storePc = pc;
      segment.loadTime = 0;
    }
    this.merge(from, to);
  }

  private checkStore({ storeTime, storePc, from }: Segment, agent: Agent): void {
    if (agent === AGENT.store || storeTime === 0 || this.order.ordered(AGENT.store, storeTime)) return;
    this.find('race', true, storePc, AGENT.store, from);
  }

  private find(problem: ShadowFinding['problem'], write: boolean, pc: number, agent: Agent, address: number): void {
    this.report({ problem, write, pc, agent, address });
  }

  /** The segments of exactly [from, to), cut where they reach out of it. */
  private between(from: number, to: number): Segment[] {
    const first = this.cut(from);
    const last = to >= this.bytes ? this.segments.length : this.cut(to);
    return this.segments.slice(first, last);
  }

  /** Index of the segment that begins at `at`, made if there is none. */
  private cut(at: number): number {
    const i = this.indexOf(at);
    const segment = this.segments[i];
    if (segment === undefined || segment.from === at) return i;
    this.segments.splice(i + 1, 0, { ...segment, from: at });
    return i + 1;
  }

  /** Index of the last segment that begins at or before `at`. */
  private indexOf(at: number): number {
    let [low, high] = [0, this.segments.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.segments[middle]?.from ?? 0) <= at) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Unites neighbours that are alike, from the one before `from` to the one behind `to`. */
  private merge(from: number, to: number): void {
    let i = Math.max(this.indexOf(from) - 1, 0);
    while (i + 1 < this.segments.length) {
      const [a, b] = [this.segments[i], this.segments[i + 1]];
      if (a === undefined || b === undefined || b.from > to) return;
      if (alike(a, b)) this.segments.splice(i + 1, 1);
      else i++;
    }
  }
}

function alike(a: Segment, b: Segment): boolean {
  return (
    a.defined === b.defined &&
    a.storeTime === b.storeTime &&
    a.loadTime === b.loadTime &&
    (a.storeTime === 0 || a.storePc === b.storePc) &&
    (a.loadTime === 0 || a.loadPc === b.loadPc)
  );
}
