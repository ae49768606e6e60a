import { dramBytesPerCycle, type Machine } from '../machine/machine.ts';
import { DramCalendar } from './dram-calendar.ts';

/** How cycles compose; printed beside every total. */
export const COMPOSITION_RULE =
  'cycles = when the last unit is idle. Sequencer, DMA load, DMA store, vector unit and the four pipelines of the matrix unit ' +
  '(fill, stationary load, array, drain) work at the same time, each in order, meeting through tokens; loads and stores share the DRAM.';

/** Queues that the sequencer fills; each starts its instructions in order. */
export const QUEUES = ['dmaLoad', 'dmaStore', 'fill', 'stationary', 'array', 'drain', 'vector'] as const;
export type Queue = (typeof QUEUES)[number];
const Q = { load: 0, store: 1, fill: 2, stationary: 3, array: 4, drain: 5, vector: 6 } as const;

/**
 * Times of every unit, advanced instruction by instruction in program order (design: timing rules). One pass is exact,
 * because tokens are produced earlier in program order than they are consumed, and older DMA transfers go first.
 */
export class Timing {
  /** When the sequencer can issue the next instruction. */
  now = 0;
  /** When everything issued so far has completed. */
  done = 0;
  readonly busy = new Float64Array(QUEUES.length);
  private readonly machine: Machine;
  private readonly bytesPerCycle: number;
  private readonly dram = new DramCalendar();
  private readonly free = new Float64Array(QUEUES.length);
  private readonly starts: Float64Array;
  private readonly positions = new Int32Array(QUEUES.length);
  /** Later matrix instructions start no earlier (m.sync). */
  private gate = 0;
  private matrixDone = 0;
  private readonly aReady = new Float64Array(2);
  private readonly aUsed = new Float64Array(2);
  private readonly bReady = new Float64Array(2);
  private readonly bUsed = new Float64Array(2);
  private readonly cValid = new Float64Array(2);
  private readonly cDrained = new Float64Array(2);

  constructor(machine: Machine) {
    this.machine = machine;
    this.bytesPerCycle = dramBytesPerCycle(machine);
    this.starts = new Float64Array(QUEUES.length * machine.queueDepth);
  }

  /** One sequencer cycle. */
  step(): void {
    this.now += 1;
  }

  fence(): void {
    this.now = Math.max(this.now + 1, this.done);
    this.dram.prune(this.now);
  }

  /** The earliest start in a queue: after issue, which waits for a free place, and after the instruction before. */
  private issue(queue: number): number {
    const { queueDepth } = this.machine;
    const slot = queue * queueDepth + (this.positions[queue] ?? 0);
    this.now = Math.max(this.now + 1, this.starts[slot] ?? 0);
    return Math.max(this.now, this.free[queue] ?? 0);
  }

  private occupy(queue: number, start: number, end: number, completion: number): number {
    const { queueDepth } = this.machine;
    const position = this.positions[queue] ?? 0;
    this.starts[queue * queueDepth + position] = start;
    this.positions[queue] = position + 1 === queueDepth ? 0 : position + 1;
    this.free[queue] = end;
    this.busy[queue] = (this.busy[queue] ?? 0) + end - start;
    if (completion > this.done) this.done = completion;
    return completion;
  }

  /** A DMA transfer of `bytes` burst-rounded bytes; returns when its data has arrived. */
  transfer(store: boolean, bytes: number, ready: number): number {
    const queue = store ? Q.store : Q.load;
    const start = Math.max(this.issue(queue), ready);
    const end = this.dram.reserve(start, Math.ceil(bytes / this.bytesPerCycle));
    this.dram.prune(Math.min(this.free[Q.load] ?? 0, this.free[Q.store] ?? 0, this.now));
    return this.occupy(queue, start, end, end + this.machine.dram.latencyCycles);
  }

  vector(cycles: number, ready: number): number {
    const start = Math.max(this.issue(Q.vector), ready);
    return this.occupy(Q.vector, start, start + cycles, start + cycles);
  }

  /** Configuration travels with the instructions of its unit and takes no time there. */
  configure(): void {
    this.now += 1;
  }

  matrixWait(ready: number): void {
    this.now += 1;
    this.gate = Math.max(this.gate, ready, this.now);
  }

  /** When all matrix instructions issued so far have completed. */
  matrixCompletion(): number {
    return Math.max(this.matrixDone, this.now);
  }

  private matrix(queue: number, ready: number, cycles: number): number {
    const start = Math.max(this.issue(queue), this.gate, ready);
    const end = this.occupy(queue, start, start + cycles, start + cycles);
    if (end > this.matrixDone) this.matrixDone = end;
    return end;
  }

  fill(half: number, bytes: number): void {
    this.aReady[half] = this.matrix(Q.fill, this.aUsed[half] ?? 0, Math.ceil(bytes / this.machine.ports.fillBytesPerCycle));
  }

  stationary(half: number, k: number, n: number): void {
    const cycles = Math.max(k, Math.ceil((k * n * 2) / this.machine.ports.stationaryBytesPerCycle));
    this.bReady[half] = this.matrix(Q.stationary, this.bUsed[half] ?? 0, cycles);
  }

  wave(a: number, b: number, c: number, fromZero: boolean, m: number, k: number, n: number): void {
    const drained = fromZero ? (this.cDrained[c] ?? 0) : 0;
    const end = this.matrix(Q.array, Math.max(this.aReady[a] ?? 0, this.bReady[b] ?? 0, drained), m);
    this.aUsed[a] = end;
    this.bUsed[b] = end;
    const valid = end + k + n - 1;
    this.cValid[c] = valid;
    if (valid > this.matrixDone) this.matrixDone = valid;
    if (valid > this.done) this.done = valid;
  }

  drain(c: number, bytes: number): void {
    this.cDrained[c] = this.matrix(Q.drain, this.cValid[c] ?? 0, Math.ceil(bytes / this.machine.ports.drainBytesPerCycle));
  }
}
