import { AGENT, type Agent, type HappensBefore } from './clocks.ts';
import type { ShadowFinding } from './shadow-buffer.ts';

/** A finding in DRAM: the other access may be that of another core. */
export interface DramFinding extends ShadowFinding {
  readonly core: number;
}

/** A core that reaches the DRAM. */
export interface Accessor {
  readonly core: number;
  readonly order: HappensBefore;
  report(finding: DramFinding): void;
}

/** A store or load: who, when by the clock of its agent, after how many barriers of its core, and which instruction. */
interface Past {
  readonly core: number;
  readonly time: number;
  readonly meetings: number;
  readonly pc: number;
}

/** What is known of the bytes from `from` on, up to the next segment. */
interface Segment {
  from: number;
  defined: boolean;
  /** The last store, and the last load of each core since. */
  store: Past | undefined;
  loads: readonly (Past | undefined)[];
}

/**
 * What is known of every byte of one tensor in DRAM, kept in segments of bytes that were used alike. Only the two DMA
 * units of each core reach the DRAM. Barriers alone order what different cores do.
 */
export class ShadowTensor {
  private readonly segments: Segment[];
  private readonly bytes: number;
  private readonly unread: readonly undefined[];

  constructor(bytes: number, defined: boolean, cores: number) {
    this.bytes = bytes;
    this.unread = Array.from({ length: cores }, () => undefined);
    this.segments = [{ from: 0, defined, store: undefined, loads: this.unread }];
  }

  load(by: Accessor, from: number, to: number, time: number, pc: number): void {
    const now: Past = { core: by.core, time, meetings: by.order.meetings, pc };
    for (const segment of this.between(from, to)) {
      const { store } = segment;
      if (!segment.defined)
        by.report({ problem: 'uninitialized', write: false, core: by.core, pc: -1, agent: AGENT.store, address: segment.from });
      if (store !== undefined && !isOrdered(by, AGENT.store, store)) find(by, 'race', AGENT.store, store, segment.from);
      segment.loads = segment.loads.with(by.core, now);
    }
    this.merge(from, to);
  }

  store(by: Accessor, from: number, to: number, time: number, pc: number): void {
    const now: Past = { core: by.core, time, meetings: by.order.meetings, pc };
    for (const segment of this.between(from, to)) {
      const { store, loads } = segment;
      // The stores of one core are in order.
      if (store !== undefined && store.core !== by.core && !isOrdered(by, AGENT.store, store))
        find(by, 'race', AGENT.store, store, segment.from);
      for (const load of loads)
        if (load !== undefined && !isOrdered(by, AGENT.load, load)) find(by, 'race', AGENT.load, load, segment.from);
      if (store !== undefined && loads.every((load) => load === undefined)) find(by, 'lost', AGENT.store, store, segment.from);
      segment.defined = true;
      segment.store = now;
      segment.loads = this.unread;
    }
    this.merge(from, to);
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

function isOrdered(by: Accessor, agent: Agent, past: Past): boolean {
  return past.core === by.core ? by.order.ordered(agent, past.time) : past.meetings < by.order.meetings;
}

function find(by: Accessor, problem: ShadowFinding['problem'], agent: Agent, { core, pc }: Past, address: number): void {
  by.report({ problem, write: agent === AGENT.store, core, pc, agent, address });
}

function alike(a: Segment, b: Segment): boolean {
  return a.defined === b.defined && same(a.store, b.store) && a.loads.every((load, i) => same(load, b.loads[i]));
}

function same(a: Past | undefined, b: Past | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.core === b.core && a.time === b.time && a.pc === b.pc);
}
