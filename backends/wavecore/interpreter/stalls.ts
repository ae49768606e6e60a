/** What is busy or idle on its own: the units, the four pipelines of the matrix unit, and the DRAM that both DMA units share. */
export const PIPELINES = ['sequencer', 'dmaLoad', 'dmaStore', 'fill', 'stationary', 'array', 'drain', 'vector', 'dram'] as const;
export type Pipeline = (typeof PIPELINES)[number];

/** Position of every pipeline in `PIPELINES`. */
export const PIPE = Object.fromEntries(PIPELINES.map((name, i) => [name, i])) as Readonly<Record<Pipeline, number>>;

/** Why a pipeline does not work, in the order in which the causes of one gap are told apart. */
export const STALLS = {
  issue: 'the sequencer has not reached its next instruction',
  token: 'waits for a token, its own or that of an m.sync before it',
  operand: 'array: a block is not loaded yet; drain: results have not appeared yet',
  half: 'fill, stationary: a wave still reads the half; array: the accumulator half is not drained',
  dram: 'the DRAM serves older transfers',
  queue: 'sequencer: the queue of a unit is full',
  fence: 'a fence waits until every unit is idle',
  barrier: 'a barrier waits for the other cores',
  idle: 'DRAM: no transfer is under way',
  end: 'nothing is left to do',
} as const;
export type Stall = keyof typeof STALLS;
const STALL_NAMES = Object.keys(STALLS) as readonly Stall[];
const CAUSES = STALL_NAMES.length;
export const CAUSE = Object.fromEntries(STALL_NAMES.map((name, i) => [name, i])) as Readonly<Record<Stall, number>>;

/**
 * How the cycles of a run divide. For every pipeline, busy + stalls = the cycles of the run × its number: one in every core, one DRAM.
 * Stalls that did not occur are absent.
 */
export type Cycles = Readonly<Record<Pipeline, { readonly busy: number; readonly stalls: Partial<Readonly<Record<Stall, number>>> }>>;

/** Accounts for every cycle of every pipeline, each once: as busy, or as a stall with its cause. */
export class Ledger {
  /** Cycle up to which a pipeline's time is accounted for: where its next work can begin. */
  readonly until = new Float64Array(PIPELINES.length);
  private readonly busy = new Float64Array(PIPELINES.length);
  private readonly stalls = new Float64Array(PIPELINES.length * CAUSES);

  /** Pipeline `p` does nothing until `time`, if it is not accounted for yet. */
  stall(p: number, cause: number, time: number): void {
    const from = this.until[p] ?? 0;
    if (time <= from) return;
    const at = p * CAUSES + cause;
    this.stalls[at] = (this.stalls[at] ?? 0) + time - from;
    this.until[p] = time;
  }

  /** Pipeline `p` works for `cycles`; returns the cycle at which it ends. */
  work(p: number, cycles: number): number {
    const end = (this.until[p] ?? 0) + cycles;
    this.busy[p] = (this.busy[p] ?? 0) + cycles;
    this.until[p] = end;
    return end;
  }

  /** Work of a pipeline whose order in time is not that of its accounting. */
  addBusy(p: number, cycles: number): void {
    this.busy[p] = (this.busy[p] ?? 0) + cycles;
  }

  /** All units drain: whatever is not accounted for before `from` was not issued, what is until `to` waits for the fence. */
  fence(from: number, to: number): void {
    for (let p = PIPE.dmaLoad; p <= PIPE.vector; p++) {
      this.stall(p, CAUSE.issue, from);
      this.stall(p, CAUSE.fence, to);
    }
    this.stall(PIPE.sequencer, CAUSE.fence, to);
  }

  /** All units are idle and wait for other cores until `to`. */
  meet(to: number): void {
    for (let p = PIPE.sequencer; p <= PIPE.vector; p++) this.stall(p, CAUSE.barrier, to);
  }

  /** The division of `total` cycles. */
  divide(total: number): Cycles {
    const of = (name: Pipeline): Cycles[Pipeline] => {
      const p = PIPE[name];
      const stalls: Partial<Record<Stall, number>> = {};
      STALL_NAMES.forEach((stall, cause) => {
        const cycles = this.stalls[p * CAUSES + cause] ?? 0;
        if (cycles > 0) stalls[stall] = cycles;
      });
      const busy = this.busy[p] ?? 0;
      const left = name === 'dram' ? total - busy : total - (this.until[p] ?? 0);
      if (left > 0) stalls[name === 'dram' ? 'idle' : 'end'] = left;
      return { busy, stalls };
    };
    return Object.fromEntries(PIPELINES.map((name) => [name, of(name)])) as Record<Pipeline, Cycles[Pipeline]>;
  }
}

/** The cycles of several cores, each divided over the same `total`, as one: units add up, and the DRAM that they share is one. */
export function addCycles(cores: readonly Cycles[], total: number): Cycles {
  const [first, ...others] = cores;
  if (first === undefined || others.length === 0) return first ?? new Ledger().divide(total);
  const of = (name: Pipeline): Cycles[Pipeline] => {
    const busy = cores.reduce((sum, core) => sum + core[name].busy, 0);
    if (name === 'dram') return { busy, stalls: busy < total ? { idle: total - busy } : {} };
    const stalls = STALL_NAMES.flatMap((stall) => {
      const cycles = cores.reduce((sum, core) => sum + (core[name].stalls[stall] ?? 0), 0);
      return cycles > 0 ? [[stall, cycles] as const] : [];
    });
    return { busy, stalls: Object.fromEntries(stalls) };
  };
  return Object.fromEntries(PIPELINES.map((name) => [name, of(name)])) as Record<Pipeline, Cycles[Pipeline]>;
}
