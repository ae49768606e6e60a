import { describe, expect, it } from 'vitest';
import { type RunResult, run } from '../../../backends/wavecore/index.ts';
import { MATRIX_SLOTS } from '../../../backends/wavecore/isa/slots.ts';
import { Assembler, SMALL } from '../assembler.ts';

const bytes = (count: number) => ({ dtype: 'u8' as const, shape: [count] });

/** A program on the small machine: 16 bytes a cycle, latency 10; 4 lanes, start 3; queues of 8. Every cycle of every unit has a name. */
function runOf(emit: (a: Assembler) => void, machine = SMALL): RunResult {
  const a = new Assembler(machine);
  a.tensor('x', bytes(2 ** 16));
  emit(a);
  const result = run(a.program(), { mode: 'timing' });
  for (const { busy, stalls } of Object.values(result.units)) {
    expect(Object.values(stalls).reduce((sum, cycles) => sum + cycles, busy)).toBe(result.cycles);
  }
  return result;
}

const cyclesOf = (emit: (a: Assembler) => void, machine = SMALL): number => runOf(emit, machine).cycles;

/** A transfer at address 0 of both memories. */
const transfer =
  (op: 'd.ld' | 'd.st', rowBytes: number, tokens = {}) =>
  (a: Assembler) =>
    a.op(op, { dram: 0, global: 0, rowBytes, rows: 1, dramStride: rowBytes }, tokens);
const load = (rowBytes: number, tokens = {}) => transfer('d.ld', rowBytes, tokens);
const store = (rowBytes: number, tokens = {}) => transfer('d.st', rowBytes, tokens);

const ONE = { P: 1, Q: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1 };
/** 8 rows × 4 reduction indices × 4 columns: fill 8 cycles (64 bytes / 8), stationary 8 (32 / 4), wave 8, drain 4 (64 / 16) in f16. */
const PRODUCT = { ...ONE, AM: 8, AK: 8, ASN: 8, ASC: 1, BK: 8, BN: 4, BKI: 8, BSKI: 4, BSN: 1, CMI: 1, CSMO: 4, CSN: 1 };
/** Configuration and two constants take one sequencer cycle an instruction, none in the pipelines. */
const CONFIGURED = 2 + Math.ceil(MATRIX_SLOTS.indexOf('BKM') / 2);
/** Halves and `first` are registers: r0 holds 0, r1 holds 1, r2 holds 2. */
const fill = (half: number) => (a: Assembler) => a.op('m.lda', { half, base: 0, m0: 0, k0: 0 });
const stationary = (half: number) => (a: Assembler) => a.op('m.ldb', { half, base: 0, k0: 0, n0: 0 });
const wave = (half: number, first: number) => (a: Assembler) => a.op('m.mul', { a: half, b: half, c: 0, first });
const drain = (a: Assembler) => a.op('m.st', { c: 0, base: 0, m0: 0, n0: 0, bias: 0, withBias: 0, f32: 0, add: 0, zeros: 0 });

function matrixCycles(...steps: ((a: Assembler) => void)[]): number {
  return cyclesOf((a) => {
    a.set(1, 1).set(2, 2).matrix(PRODUCT);
    for (const step of steps) step(a);
  });
}

describe('timing rules', () => {
  it('sequencer: one cycle an instruction, halt none', () => {
    expect(cyclesOf((a) => void a.set(1, 2).set(2, 3))).toBe(2);
    expect(cyclesOf((a) => void a.op('loop', { rd: 1, count: 5, step: 1 }).set(2, 3).op('end', {}))).toBe(1 + 5 * 2);
  });

  it('DMA: burst-rounded bytes over bandwidth, plus latency', () => {
    expect(cyclesOf(load(640))).toBe(40 + 10);
    expect(cyclesOf(load(1))).toBe(4 + 10);
    expect(cyclesOf((a) => void a.op('d.ld', { dram: 0, global: 0, rowBytes: 4, rows: 8, dramStride: 4 }))).toBe(4 + 10);
    expect(cyclesOf((a) => void a.op('d.ld', { dram: 0, global: 0, rowBytes: 4, rows: 8, dramStride: 8 }))).toBe(32 + 10);
  });

  it('DMA: the latency of one transfer is hidden behind the next', () => {
    expect(cyclesOf((a) => void load(640)(load(640)(a)))).toBe(80 + 10);
  });

  it('DMA: a core has its share of the chip', () => {
    expect(cyclesOf(load(640), { ...SMALL, coresPerChip: 4 })).toBe(160 + 10);
    expect(cyclesOf(load(64), { ...SMALL, dram: { ...SMALL.dram, bytesPerSecond: 15e9 } })).toBe(5 + 10);
  });

  it('DMA: loads and stores share the DRAM, the older first, the younger in what is left', () => {
    expect(cyclesOf((a) => void store(640)(load(640)(a)))).toBe(80 + 10);
    // The store waits for the first load (cycle 50) and takes 12 cycles; the second load, younger, has 10 cycles before and 10 behind it.
    const emit = (a: Assembler) => {
      load(640, { signal: [1] })(a);
      store(192, { wait: [1] })(a);
      load(320, { signal: [2] })(a);
      a.op('v.sync', {}, { wait: [2] });
    };
    expect(cyclesOf(emit)).toBe(40 + 10 + 12 + 10 + 10);
  });

  it('vector unit: a start and passes over the lanes, in order', () => {
    expect(cyclesOf((a) => void a.op('v.fill', { dst: 0, bytes: 32 }))).toBe(3 + 4);
    expect(cyclesOf((a) => void a.op('v.fill', { dst: 0, bytes: 32 }).op('v.fill', { dst: 0, bytes: 34 }))).toBe(7 + 3 + 5);
    const configured = (a: Assembler) =>
      a.set(1, 256).op('v.cfg', { slot: 0, v0: 2, v1: 2 }).op('v.cfg', { slot: 2, v0: 3, v1: 3 }).op('v.stats', { state: 1, src: 0 });
    expect(cyclesOf((a) => void configured(a))).toBe(1 + 2 + 3 + 2 * 9);
  });

  it('units overlap unless tokens order them', () => {
    const fillBytes = (a: Assembler, tokens = {}) => a.op('v.fill', { dst: 0, bytes: 400 }, tokens);
    expect(cyclesOf((a) => void fillBytes(load(640)(a)))).toBe(1 + 3 + 50);
    expect(cyclesOf((a) => void fillBytes(load(640, { signal: [1] })(a), { wait: [1] }))).toBe(50 + 53);
  });

  it('a synchronization in a DMA queue signals what has completed before it and holds back what is behind it', () => {
    const emit = (a: Assembler) => {
      load(640)(a).op('d.ld_sync', {}, { signal: [1] });
      a.op('d.st_sync', {}, { wait: [1] });
      store(640)(a);
    };
    // The load takes 40 cycles and 10 more until it has completed; the store waits for that.
    expect(cyclesOf(emit)).toBe(40 + 10 + 40 + 10);
  });

  it('a fence waits for everything', () => {
    expect(cyclesOf((a) => void load(640)(load(640)(a).op('fence', {})))).toBe(50 + 50);
  });

  it('a full queue holds the sequencer back', () => {
    const machine = { ...SMALL, queueDepth: 2 };
    const emit = (a: Assembler) => {
      for (let i = 0; i < 4; i++) load(640)(a);
      a.op('v.fill', { dst: 0, bytes: 400 });
    };
    // The fourth load issues when the second starts (40); the vector instruction one cycle later.
    expect(cyclesOf(emit, machine)).toBe(160 + 10);
    const long = (a: Assembler) => {
      for (let i = 0; i < 4; i++) load(640)(a);
      a.op('v.fill', { dst: 0, bytes: 2000 });
    };
    expect(cyclesOf(long, machine)).toBe(41 + 3 + 250);
    expect(cyclesOf(long)).toBe(4 + 3 + 250);
  });

  it('matrix unit: fill and stationary load at once, the wave behind both, its rows complete k + n − 1 later, the drain on their heels', () => {
    expect(matrixCycles(fill(0))).toBe(CONFIGURED + 8);
    expect(matrixCycles(fill(0), stationary(0))).toBe(CONFIGURED + 1 + 8);
    expect(matrixCycles(fill(0), stationary(0), wave(0, 0))).toBe(CONFIGURED + 9 + 8 + 6);
    // Draining takes 4 cycles from the first row (7 after the start) on, but the last row appears at 14.
    expect(matrixCycles(fill(0), stationary(0), wave(0, 0), drain)).toBe(CONFIGURED + 9 + 8 + 6 + 1);
  });

  it('matrix unit: a stationary load takes at least k cycles', () => {
    const machine = { ...SMALL, ports: { ...SMALL.ports, stationaryBytesPerCycle: 1000 } };
    expect(cyclesOf((a) => void stationary(0)(a.set(1, 1).set(2, 2).matrix(PRODUCT)), machine)).toBe(CONFIGURED + 4);
  });

  it('matrix unit: two halves hide the loads behind the running wave, one half does not', () => {
    const waves = (halves: (i: number) => number) =>
      matrixCycles(...[0, 1, 2].flatMap((i) => [fill(halves(i)), stationary(halves(i)), wave(halves(i), i)]), drain);
    // Loads end at 9; waves follow each other; loads of the third block begin when the first wave has ended.
    expect(waves((i) => i % 2)).toBe(CONFIGURED + 9 + 3 * 8 + 6 + 1);
    expect(waves(() => 0)).toBe(CONFIGURED + 9 + 8 + 2 * (8 + 8) + 6 + 1);
  });

  it('matrix unit: the first result of a wave, k cycles after its start, waits for the drain of its accumulator half', () => {
    const first = [fill(0), stationary(0), wave(0, 0), drain];
    expect(matrixCycles(...first, fill(1), stationary(1), wave(1, 0))).toBe(CONFIGURED + 9 + 8 + 6 + 1 - 4 + 8 + 6);
  });

  it('matrix unit: a drain slower than the wave decides', () => {
    const machine = { ...SMALL, ports: { ...SMALL.ports, drainBytesPerCycle: 4 } };
    const emit = (a: Assembler) => {
      a.set(1, 1).set(2, 2).matrix(PRODUCT);
      for (const step of [fill(0), stationary(0), wave(0, 0), drain]) step(a);
    };
    expect(cyclesOf(emit, machine)).toBe(CONFIGURED + 9 + 7 + 16);
  });

  it('names the cause of every stall', () => {
    const emit = (a: Assembler) => {
      a.set(1, 1).set(2, 2).matrix(PRODUCT);
      load(640, { signal: [1] })(a);
      store(640)(a);
      a.op('m.sync', {}, { wait: [1] });
      for (const step of [fill(0), stationary(0), wave(0, 0), drain, fill(0)]) step(a);
      a.op('fence', {}).op('v.fill', { dst: 0, bytes: 32 });
    };
    const { units, cycles } = runOf(emit);
    // From the configuration on: load 0–40, there at 50; store issued at 1, 40 cycles behind the load; fence until 90; vector 7 cycles.
    expect(cycles).toBe(CONFIGURED + 90 + 7);
    expect(units.dmaLoad).toEqual({ busy: 40, stalls: { issue: CONFIGURED, fence: 50, end: 7 } });
    expect(units.dmaStore).toEqual({ busy: 40, stalls: { issue: CONFIGURED + 1, dram: 39, fence: 10, end: 7 } });
    // Fill, stationary load and array work from 50, 50 and 58 on; the second fill waits for the wave.
    expect(units.fill).toEqual({ busy: 16, stalls: { issue: CONFIGURED + 3, token: 47, half: 8, fence: 16, end: 7 } });
    expect(units.array).toEqual({ busy: 8, stalls: { issue: CONFIGURED + 5, token: 45, operand: 8, fence: 24, end: 7 } });
    expect(units.drain).toEqual({ busy: 4, stalls: { issue: CONFIGURED + 6, token: 44, operand: 15 + 4, fence: 17, end: 7 } });
    expect(units.vector).toEqual({ busy: 7, stalls: { issue: CONFIGURED + 9, fence: 81 } });
    expect(units.dram).toEqual({ busy: 80, stalls: { idle: CONFIGURED + 17 } });
  });

  it('names the queue that holds the sequencer back', () => {
    // The fourth load issues when the second starts.
    const { units } = runOf((a) => void [0, 1, 2, 3].forEach(() => load(640)(a)), { ...SMALL, queueDepth: 2 });
    expect(units.sequencer).toEqual({ busy: 4, stalls: { queue: 40 - 3, end: 170 - 41 } });
  });

  it('m.sync blocks what follows until its tokens are there, and signals when everything before has completed', () => {
    const emit = (a: Assembler) => {
      a.set(1, 1).set(2, 2).matrix(PRODUCT);
      load(640, { signal: [1] })(a);
      a.op('m.sync', {}, { wait: [1] });
      fill(0)(a);
      a.op('m.sync', {}, { signal: [2] });
      store(64, { wait: [2] })(a);
    };
    expect(cyclesOf(emit)).toBe(CONFIGURED + 50 + 8 + 4 + 10);
  });

  it('double buffering: a stream with tokens takes the longer of transfer and computation', () => {
    // Loads of 40 cycles and computations of 43 alternate between two halves of a buffer.
    const stream = (credits: number) => (a: Assembler) => {
      for (let i = 0; i < credits; i++) a.op('v.sync', {}, { signal: [1] });
      a.op('loop', { rd: 1, count: 20, step: 1 });
      load(640, { wait: [1], signal: [2] })(a);
      a.op('v.fill', { dst: 0, bytes: 320 }, { wait: [2], signal: [1] }).op('end', {});
      for (let i = 0; i < credits; i++) a.op('v.sync', {}, { wait: [1] });
    };
    const two = cyclesOf(stream(2));
    const one = cyclesOf(stream(1));
    expect(one).toBe(2 + 20 * (50 + 43));
    // With two credits the load of turn i + 2 starts when computation i has ended and ends 50 later, 7 behind computation i + 1.
    expect(two).toBe(3 + 50 + 20 * 43 + 9 * 7);
  });
});
