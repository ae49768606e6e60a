import type { Program } from '../../backends/wavecore/index.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import { Assembler } from './assembler.ts';

/** A product C[M][N] = A[M][K] × B[K][N]. */
export interface Gemm {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Cycles of a weight-stationary array of R rows and C columns without weight double buffering: ceil(K/R)·ceil(N/C) folds of 2R + C + M − 2. */
export function closedForm({ M, N, K }: Gemm, { rows, columns }: Machine['array']): number {
  return Math.ceil(K / rows) * Math.ceil(N / columns) * (2 * rows + columns + M - 2);
}

const padded = (extent: number, block: number): number => Math.ceil(extent / block) * block;

/** K and N padded to whole folds: an edge fold costs the same as a full one. */
export function paddedGemm({ M, N, K }: Gemm, { rows, columns }: Machine['array']): Gemm {
  return { M, N: padded(N, columns), K: padded(K, rows) };
}

/** Addresses of the operands in the global buffer: f16 A and B, f32 C. */
function placesOf({ M, N, K }: Gemm): { A: number; B: number; C: number; end: number } {
  const B = M * K * 2;
  const C = padded(B + K * N * 2, 4);
  return { A: 0, B, C, end: C + M * N * 4 };
}

/** The machine with a global buffer that holds all operands of a product. */
export function machineFor(gemm: Gemm, machine: Machine): Machine {
  return { ...machine, buffers: { ...machine.buffers, globalBytes: placesOf(paddedGemm(gemm, machine.array)).end } };
}

const [RA, RB, RC, K0, N0, M0, WAVE, NEXT_M, NEXT_K, NEXT_N, FOLD, LEFT, TEST] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13] as const;
const RESULTS_THERE = 1;

/**
 * A product whose operands, padded to whole folds, lie in the global buffer. Layer `gemm` concatenates the folds: a stationary block is
 * loaded, all rows stream over it in waves, and the next block is loaded when the last result has left the array; rows of
 * the moving operand are filled one wave ahead. The first fill and the last drain, which the closed form leaves out, stand in the layers around it.
 */
export function gemmProgram(gemm: Gemm, machine: Machine): Program {
  const { M, N, K } = paddedGemm(gemm, machine.array);
  const { rows, columns, waveRows } = machine.array;
  const waves = Math.ceil(M / waveRows);
  const folds = (K / rows) * (N / columns);
  const place = placesOf({ M, N, K });
  const a = new Assembler(machine);
  const half = (...shape: number[]) => ({ dtype: 'f16' as const, shape });
  const dram = {
    A: a.tensor('A', half(M, K), { role: 'input' }),
    B: a.tensor('B', half(K, N), { role: 'input' }),
    C: a.tensor('C', { dtype: 'f32', shape: [M, N] }, { role: 'output' }),
  };
  const sum = (rd: number, rs: number, base: number) => a.op('la', { rd, rs, scale: 1, base });
  const fill = (m0: number, k0: number) => a.op('m.lda', { half: WAVE, base: RA, m0, k0 });
  const stationary = (k0: number, n0: number) => a.op('m.ldb', { half: FOLD, base: RB, k0, n0 });
  const drain = (c: number, m0: number, n0: number, add: number) =>
    a.op('m.st', { c, base: RC, m0, n0, bias: 0, withBias: 0, f32: 1, add, zeros: 0 });

  a.layer('operands', () => {
    transfer(a, 'd.ld', dram.A, place.A, M, K * 2);
    transfer(a, 'd.ld', dram.B, place.B, K, N * 2);
    a.op('fence', {});
    const ones = { Q: 1, P: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1 };
    const stationaryRows = { BK: K, BN: N, BKI: K, BSKO: 0, BSKI: N, BSN: 1 };
    a.matrix({ ...ones, AM: M, AK: K, ASN: K, ASC: 1, ...stationaryRows, CMI: M, CSMO: 0, CSMI: N, CSN: 1 });
    a.set(RA, place.A).set(RB, place.B).set(RC, place.C).set(WAVE, 0).set(FOLD, 0);
    a.set(LEFT, folds - 1).set(NEXT_N, 0);
    fill(0, 0);
  });
  a.layer('gemm', () => {
    stationary(0, 0);
    a.op('loop', { rd: N0, count: N / columns, step: columns }).op('loop', { rd: K0, count: K / rows, step: rows });
    sum(NEXT_M, 0, 0);
    if (waves > 1) {
      a.op('loop', { rd: M0, count: waves - 1, step: waveRows });
      sum(NEXT_M, M0, waveRows);
      a.op('m.mul', { a: WAVE, b: FOLD, c: WAVE, first: 0 });
      drain(WAVE, M0, N0, K0);
      sum(WAVE, WAVE, 1);
      fill(NEXT_M, K0);
      a.op('end', {});
    }
    a.op('m.mul', { a: WAVE, b: FOLD, c: WAVE, first: 0 }, { signal: [RESULTS_THERE] });
    // The fold behind this one: the next block of the reduction, or the first one of the next columns.
    sum(NEXT_K, K0, rows).op('la', { rd: TEST, rs: K0, scale: -1, base: K - rows });
    a.op('skipnz', { rs: TEST, count: 2 });
    sum(NEXT_K, 0, 0);
    sum(NEXT_N, N0, columns);
    a.op('skipz', { rs: LEFT, count: 3 });
    drain(WAVE, NEXT_M, N0, K0);
    sum(WAVE, WAVE, 1);
    fill(0, NEXT_K);
    a.op('m.sync', {}, { wait: [RESULTS_THERE] });
    sum(FOLD, FOLD, 1).op('skipz', { rs: LEFT, count: 2 });
    stationary(NEXT_K, NEXT_N);
    sum(LEFT, LEFT, -1);
    a.op('end', {}).op('end', {});
  });
  a.layer('result', () => {
    a.set(N0, N - columns).set(K0, K - rows);
    drain(WAVE, NEXT_M, N0, K0).op('fence', {});
    transfer(a, 'd.st', dram.C, place.C, M, N * 4);
  });
  return a.program();
}

function transfer(a: Assembler, op: 'd.ld' | 'd.st', dram: number, global: number, rows: number, rowBytes: number): void {
  a.set(60, dram).set(61, global).op(op, { dram: 60, global: 61, rowBytes, rows, dramStride: rowBytes });
}
