import { dramBytesPerCycle, type Machine } from '../machine/machine.ts';
import { DramCalendar } from './dram-calendar.ts';

/** Instruction queues. */
export const UNIT = { dmaLoad: 0, dmaStore: 1, matrix: 2, vector: 3 } as const;
export type UnitIndex = (typeof UNIT)[keyof typeof UNIT];

/** What is busy or idle on its own: the units, the four pipelines of the matrix unit, and the DRAM that both DMA units share. */
export const PIPELINES = ['sequencer', 'dmaLoad', 'dmaStore', 'fill', 'stationary', 'array', 'drain', 'vector', 'dram'] as const;
export type Pipeline = (typeof PIPELINES)[number];

/**
 * The timing rules, in whole cycles.
 *
 * - The sequencer spends one cycle an instruction, in program order, and puts unit instructions into queues: an instruction
 *   issues no earlier than the one `queueDepth` places before it on the same unit starts.
 * - DMA: burst-rounded bytes / (bandwidth of the chip / cores) on the DRAM that loads and stores share, then the latency,
 *   during which the unit already takes its next transfer.
 * - Matrix unit: four pipelines, each in order, interlocked by buffer halves. Fill: bytes / port width, when the last wave that
 *   reads the half has ended. Stationary load: max(k, bytes / port width), likewise. Wave: m cycles, when both halves are loaded
 *   and the accumulator half is drained; its results are there k + n − 1 cycles later. Drain: bytes / port width, when the
 *   results of the last wave on the half are there.
 * - Vector unit: a fixed start plus, for every pass, elements / lanes.
 *
 * A program takes until everything has completed. Units overlap, so busy cycles do not add up to the total.
 */
export class Timing {
  /** Cycle at which the sequencer takes its next instruction. */
  now = 0;
  /** Cycle at which everything so far has completed. */
  done = 0;
  readonly busy: Record<Pipeline, number> = {
    sequencer: 0,
    dmaLoad: 0,
    dmaStore: 0,
    fill: 0,
    stationary: 0,
    array: 0,
    drain: 0,
    vector: 0,
    dram: 0,
  };

  private readonly machine: Machine;
  private readonly bytesPerCycle: number;
  private readonly depth: number;
  /** Start times of the last `depth` instructions of every queue, and where the oldest is. */
  private readonly starts: Float64Array;
  private readonly oldest = new Int32Array(4);
  private readonly calendar = new DramCalendar();
  /** Cycle at which each DMA unit takes its next transfer. */
  private readonly dmaFree = new Float64Array(2);
  private vectorFree = 0;

  private fillFree = 0;
  private stationaryFree = 0;
  private arrayFree = 0;
  private drainFree = 0;
  /** No later matrix instruction starts before this. */
  private matrixGate = 0;
  private matrixDone = 0;
  /** By half: when the block is loaded, and when the last wave on it has ended. */
  private readonly aLoaded = new Float64Array(2);
  private readonly aFree = new Float64Array(2);
  private readonly bLoaded = new Float64Array(2);
  private readonly bFree = new Float64Array(2);
  private readonly sumsValid = new Float64Array(2);
  private readonly sumsDrained = new Float64Array(2);

  constructor(machine: Machine) {
    this.machine = machine;
    this.bytesPerCycle = dramBytesPerCycle(machine);
    this.depth = machine.queueDepth;
    this.starts = new Float64Array(4 * this.depth);
  }

  /** A sequencer instruction. */
  step(): void {
    this.now++;
    this.busy.sequencer++;
  }

  fence(): void {
    this.step();
    if (this.done > this.now) this.now = this.done;
  }

  /** Issues an instruction to a unit; returns the cycle. */
  issue(unit: UnitIndex): number {
    const oldestStart = this.starts[unit * this.depth + (this.oldest[unit] ?? 0)] ?? 0;
    const at = Math.max(oldestStart, this.now);
    this.now = at + 1;
    this.busy.sequencer++;
    return at;
  }

  /** The functions below take the cycle at which instruction and tokens are there, and return the cycle at which it has completed. */
  transfer(unit: 0 | 1, ready: number, bytes: number): number {
    const start = Math.max(ready, this.dmaFree[unit] ?? 0);
    this.started(unit, start);
    // Later transfers start no earlier than their unit is free or, where it is already, than they are issued.
    this.calendar.prune(Math.min(start, Math.max(this.now, this.dmaFree[1 - unit] ?? 0)));
    const cycles = Math.ceil(bytes / this.bytesPerCycle);
    const end = this.calendar.reserve(start, cycles);
    this.dmaFree[unit] = end;
    this.busy[unit === UNIT.dmaLoad ? 'dmaLoad' : 'dmaStore'] += cycles;
    this.busy.dram += cycles;
    return this.completed(end + this.machine.dram.latencyCycles);
  }

  vector(ready: number, cycles: number): number {
    const start = Math.max(ready, this.vectorFree);
    this.started(UNIT.vector, start);
    this.vectorFree = start + cycles;
    this.busy.vector += cycles;
    return this.completed(this.vectorFree);
  }

  configureMatrix(ready: number): number {
    const start = Math.max(ready, this.matrixGate);
    this.started(UNIT.matrix, start);
    return start;
  }

  /** Blocks later matrix instructions until `ready`; completes when all earlier ones have. */
  syncMatrix(ready: number): number {
    this.matrixGate = Math.max(ready, this.matrixGate);
    this.started(UNIT.matrix, this.matrixGate);
    return Math.max(this.matrixGate, this.matrixDone);
  }

  fill(ready: number, half: number, bytes: number): number {
    const start = Math.max(ready, this.matrixGate, this.fillFree, this.aFree[half] ?? 0);
    const cycles = Math.ceil(bytes / this.machine.ports.fillBytesPerCycle);
    this.started(UNIT.matrix, start);
    this.fillFree = start + cycles;
    this.aLoaded[half] = this.fillFree;
    this.busy.fill += cycles;
    return this.matrixCompleted(this.fillFree);
  }

  loadStationary(ready: number, half: number, k: number, bytes: number): number {
    const start = Math.max(ready, this.matrixGate, this.stationaryFree, this.bFree[half] ?? 0);
    const cycles = Math.max(k, Math.ceil(bytes / this.machine.ports.stationaryBytesPerCycle));
    this.started(UNIT.matrix, start);
    this.stationaryFree = start + cycles;
    this.bLoaded[half] = this.stationaryFree;
    this.busy.stationary += cycles;
    return this.matrixCompleted(this.stationaryFree);
  }

  multiply(ready: number, a: number, b: number, c: number, m: number, k: number, n: number): number {
    const loaded = Math.max(this.aLoaded[a] ?? 0, this.bLoaded[b] ?? 0);
    const start = Math.max(ready, this.matrixGate, this.arrayFree, loaded, this.sumsDrained[c] ?? 0);
    this.started(UNIT.matrix, start);
    const end = start + m;
    this.arrayFree = end;
    this.aFree[a] = end;
    this.bFree[b] = end;
    const valid = end + k + n - 1;
    if (valid > (this.sumsValid[c] ?? 0)) this.sumsValid[c] = valid;
    this.busy.array += m;
    return this.matrixCompleted(valid);
  }

  drain(ready: number, half: number, bytes: number): number {
    const start = Math.max(ready, this.matrixGate, this.drainFree, this.sumsValid[half] ?? 0);
    const cycles = Math.ceil(bytes / this.machine.ports.drainBytesPerCycle);
    this.started(UNIT.matrix, start);
    this.drainFree = start + cycles;
    this.sumsDrained[half] = this.drainFree;
    this.busy.drain += cycles;
    return this.matrixCompleted(this.drainFree);
  }

  /** Cycles until everything has completed. */
  total(): number {
    return Math.max(this.now, this.done);
  }

  private started(unit: UnitIndex, start: number): void {
    const oldest = this.oldest[unit] ?? 0;
    this.starts[unit * this.depth + oldest] = start;
    this.oldest[unit] = oldest + 1 === this.depth ? 0 : oldest + 1;
  }

  private matrixCompleted(time: number): number {
    if (time > this.matrixDone) this.matrixDone = time;
    return this.completed(time);
  }

  private completed(time: number): number {
    if (time > this.done) this.done = time;
    return time;
  }
}
