import type { Machine } from '../machine/machine.ts';
import type { SharedDram } from './shared-dram.ts';
import { CAUSE, type Cycles, Ledger, PIPE } from './stalls.ts';

/** Instruction queues. */
export const UNIT = { dmaLoad: 0, dmaStore: 1, matrix: 2, vector: 3 } as const;
export type UnitIndex = (typeof UNIT)[keyof typeof UNIT];

/** How the cycles of units become a total; printed beside it. */
export function compositionOf(cores: number): string {
  const last = cores === 1 ? 'unit has completed' : 'unit of the last core has completed';
  const units =
    cores === 1
      ? 'they are its busy cycles plus its stalls'
      : `busy cycles plus stalls of its ${cores} are ${cores} times as many, of the DRAM, which the cores share, as many`;
  return `cycles until the last ${last}; for every unit ${units}; units work at the same time, so that busy cycles of units do not add up`;
}

/** Told of every stretch of work: pipeline (PIPE), first cycle, cycle behind the last. */
export type Watch = (pipeline: number, start: number, end: number) => void;

/**
 * The timing rules, in whole cycles.
 *
 * - The sequencer spends one cycle an instruction, in program order, and puts unit instructions into queues: an instruction
 *   issues no earlier than the one `queueDepth` places before it on the same unit starts.
 * - DMA: burst-rounded bytes / (bandwidth of the chip × cores of the program / cores of the chip) on the DRAM that loads and stores of
 *   all cores share, then the latency, during which the unit already takes its next transfer.
 * - Matrix unit: four pipelines, each in order, interlocked by buffer halves. Fill: bytes / port width, when the last wave that
 *   reads the half has ended. Stationary load: max(k, bytes / port width), likewise. Wave: m cycles, when both halves are loaded,
 *   and no earlier than k cycles before the accumulator half is drained, because its first result appears after k cycles. Row
 *   i of its results is complete i + k + n − 1 cycles after the start. Drain: bytes / port width, from the first complete row of
 *   the last wave on, and at least one cycle longer than the last row takes to appear.
 * - Vector unit: a fixed start plus, for every pass, elements / lanes.
 */
export class Timing {
  /** Cycle at which the sequencer takes its next instruction. */
  now = 0;
  /** Cycle at which everything so far has completed. */
  done = 0;

  /** Cycle at which the DRAM began with the last transfer. */
  transferStart = 0;

  private readonly machine: Machine;
  private readonly watch: Watch | undefined;
  private readonly watchDram: ((start: number, end: number) => void) | undefined;
  private readonly ledger = new Ledger();
  private readonly dram: SharedDram;
  /** Number of the core. */
  private readonly core: number;
  private readonly depth: number;
  /** Start times of the last `depth` instructions of every queue, and where the oldest is. */
  private readonly starts: Float64Array;
  private readonly oldest = new Int32Array(4);
  /** Cycle at which the instruction being executed was issued. */
  private issued = 0;

  /** By DMA unit: when its last transfer has completed, which is later than all before it. */
  private readonly transfersDone = new Float64Array(2);
  /** No later matrix instruction starts before this. */
  private matrixGate = 0;
  private matrixDone = 0;
  /** By half: when the block is loaded, and when the last wave on it has ended. */
  private readonly aLoaded = new Float64Array(2);
  private readonly aFree = new Float64Array(2);
  private readonly bLoaded = new Float64Array(2);
  private readonly bFree = new Float64Array(2);
  /** By accumulator half: when the first and the last row of the last wave are complete, and when they are drained. */
  private readonly sumsAppear = new Float64Array(2);
  private readonly sumsValid = new Float64Array(2);
  private readonly sumsDrained = new Float64Array(2);

  constructor(machine: Machine, dram: SharedDram, core: number, watch?: Watch) {
    this.machine = machine;
    this.dram = dram;
    this.core = core;
    this.watch = watch;
    this.watchDram = watch && ((start, end) => watch(PIPE.dram, start, end));
    this.depth = machine.queueDepth;
    this.starts = new Float64Array(4 * this.depth);
  }

  /** A sequencer instruction. */
  step(): void {
    this.now = this.ledger.work(PIPE.sequencer, 1);
  }

  fence(): void {
    this.step();
    const idle = this.total();
    this.ledger.fence(this.now, idle);
    this.now = idle;
  }

  /** Goes on after a barrier, to which the last core came at cycle `time`; the units of this one are idle. */
  goOn(time: number): void {
    this.ledger.meet(time);
    this.now = time;
  }

  /** Issues an instruction to a unit; returns the cycle. */
  issue(unit: UnitIndex): number {
    const oldestStart = this.starts[unit * this.depth + (this.oldest[unit] ?? 0)] ?? 0;
    this.ledger.stall(PIPE.sequencer, CAUSE.queue, oldestStart);
    const at = Math.max(oldestStart, this.now);
    this.now = this.ledger.work(PIPE.sequencer, 1);
    this.issued = at;
    return at;
  }

  /** The functions below take the cycle at which instruction and tokens are there, and return the cycle at which it has completed. */
  transfer(unit: 0 | 1, ready: number, bytes: number): number {
    const { ledger } = this;
    const pipe = unit === UNIT.dmaLoad ? PIPE.dmaLoad : PIPE.dmaStore;
    const start = this.begin(pipe, unit, ready);
    // Later transfers start no earlier than their unit is free or, where it is already, than they are issued.
    const other = ledger.until[unit === UNIT.dmaLoad ? PIPE.dmaStore : PIPE.dmaLoad] ?? 0;
    this.dram.advance(this.core, Math.min(start, Math.max(this.now, other)));
    const cycles = this.dram.cyclesOf(bytes);
    const end = this.dram.reserve(start, cycles, this.watchDram);
    ledger.work(pipe, cycles);
    ledger.stall(pipe, CAUSE.dram, end);
    ledger.addBusy(PIPE.dram, cycles);
    this.watch?.(pipe, start, end);
    this.transferStart = start;
    const completed = this.completed(end + this.machine.dram.latencyCycles);
    this.transfersDone[unit] = completed;
    return completed;
  }

  /** Holds later transfers of the unit back until `ready`; completes when all earlier ones have. */
  syncTransfers(unit: 0 | 1, ready: number): number {
    const start = this.begin(unit === UNIT.dmaLoad ? PIPE.dmaLoad : PIPE.dmaStore, unit, ready);
    return this.completed(Math.max(start, this.transfersDone[unit] ?? 0));
  }

  vector(ready: number, cycles: number): number {
    const start = this.begin(PIPE.vector, UNIT.vector, ready);
    const end = this.ledger.work(PIPE.vector, cycles);
    this.watch?.(PIPE.vector, start, end);
    return this.completed(end);
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
    this.ledger.stall(PIPE.fill, CAUSE.issue, this.issued);
    this.ledger.stall(PIPE.fill, CAUSE.token, Math.max(ready, this.matrixGate));
    this.ledger.stall(PIPE.fill, CAUSE.half, this.aFree[half] ?? 0);
    const end = this.matrixWork(PIPE.fill, Math.ceil(bytes / this.machine.ports.fillBytesPerCycle));
    this.aLoaded[half] = end;
    return this.matrixCompleted(end);
  }

  loadStationary(ready: number, half: number, k: number, bytes: number): number {
    this.ledger.stall(PIPE.stationary, CAUSE.issue, this.issued);
    this.ledger.stall(PIPE.stationary, CAUSE.token, Math.max(ready, this.matrixGate));
    this.ledger.stall(PIPE.stationary, CAUSE.half, this.bFree[half] ?? 0);
    const end = this.matrixWork(PIPE.stationary, Math.max(k, Math.ceil(bytes / this.machine.ports.stationaryBytesPerCycle)));
    this.bLoaded[half] = end;
    return this.matrixCompleted(end);
  }

  multiply(ready: number, a: number, b: number, c: number, m: number, k: number, n: number): number {
    this.ledger.stall(PIPE.array, CAUSE.issue, this.issued);
    this.ledger.stall(PIPE.array, CAUSE.token, Math.max(ready, this.matrixGate));
    this.ledger.stall(PIPE.array, CAUSE.operand, Math.max(this.aLoaded[a] ?? 0, this.bLoaded[b] ?? 0));
    this.ledger.stall(PIPE.array, CAUSE.half, (this.sumsDrained[c] ?? 0) - k);
    const end = this.matrixWork(PIPE.array, m);
    this.aFree[a] = end;
    this.bFree[b] = end;
    this.sumsAppear[c] = end - m + k + n - 1;
    const valid = end + k + n - 2;
    this.sumsValid[c] = valid;
    return this.matrixCompleted(valid);
  }

  drain(ready: number, half: number, bytes: number): number {
    this.ledger.stall(PIPE.drain, CAUSE.issue, this.issued);
    this.ledger.stall(PIPE.drain, CAUSE.token, Math.max(ready, this.matrixGate));
    this.ledger.stall(PIPE.drain, CAUSE.operand, this.sumsAppear[half] ?? 0);
    this.matrixWork(PIPE.drain, Math.ceil(bytes / this.machine.ports.drainBytesPerCycle));
    this.ledger.stall(PIPE.drain, CAUSE.operand, (this.sumsValid[half] ?? 0) + 1);
    const end = this.ledger.until[PIPE.drain] ?? 0;
    this.sumsDrained[half] = end;
    return this.matrixCompleted(end);
  }

  /** Cycles until everything has completed. */
  total(): number {
    return Math.max(this.now, this.done);
  }

  /** How the cycles until `total` divide into work and stalls. */
  cycles(total: number): Cycles {
    return this.ledger.divide(total);
  }

  /** Start of an instruction of a unit with one pipeline. */
  private begin(pipe: number, unit: UnitIndex, ready: number): number {
    this.ledger.stall(pipe, CAUSE.issue, this.issued);
    this.ledger.stall(pipe, CAUSE.token, ready);
    const start = this.ledger.until[pipe] ?? 0;
    this.started(unit, start);
    return start;
  }

  /** A pipeline of the matrix unit works from where its time is accounted for; returns the end. */
  private matrixWork(pipe: number, cycles: number): number {
    const start = this.ledger.until[pipe] ?? 0;
    this.started(UNIT.matrix, start);
    const end = this.ledger.work(pipe, cycles);
    this.watch?.(pipe, start, end);
    return end;
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
