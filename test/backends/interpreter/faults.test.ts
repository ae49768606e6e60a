import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import { Assembler } from '../assembler.ts';
import { caught, codeOf } from '../caught.ts';

const half = (count: number) => ({ dtype: 'f16' as const, shape: [count] });
const ONE = { P: 1, Q: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1 };
const PRODUCT = { ...ONE, AM: 4, AK: 4, ASN: 4, ASC: 1, BK: 4, BN: 4, BKI: 4, BSKI: 4, BSN: 1, CMI: 1, CSMO: 4, CSN: 1 };

/** Code of the fault that a program ends with, the same in both modes. */
function faultOf(emit: (a: Assembler) => void): string | undefined {
  const codes = (['functional', 'timing'] as const).map((mode) =>
    codeOf(() => {
      const a = new Assembler();
      a.tensor('x', half(64));
      emit(a);
      run(a.program(), { mode, instructionLimit: 200_000 });
    }),
  );
  expect(codes[0]).toBe(codes[1]);
  return codes[0];
}

/** Configures a product of 4×4 matrices at r1, r2 and r3, and loads both blocks. */
function loaded(a: Assembler, slots = {}): Assembler {
  a.matrix({ ...PRODUCT, ...slots })
    .set(1, 0)
    .set(2, 64)
    .set(3, 128);
  return a.op('m.lda', { half: 0, base: 1, m0: 0, k0: 0 }).op('m.ldb', { half: 0, base: 2, k0: 0, n0: 0 });
}
const drain = { c: 0, base: 3, m0: 0, n0: 0, bias: 0, withBias: 0, f32: 0, add: 0, zeros: 0 };
const SUMS = { c: 0, base: 3, m0: 0, n0: 0, bias: 5, withBias: 0, state: 4 };

/** Drains a product of 4×4 matrices with totals at `state`; with biases where their address is given. */
function gathered(a: Assembler, slots: object, state: number, bias?: number): Assembler {
  loaded(a, { TMI: 2, TSMO: 4, ...slots })
    .op('m.mul', { a: 0, b: 0, c: 0, first: 0 })
    .set(4, state)
    .set(5, bias ?? 0);
  return a.op('m.st_sums', { ...SUMS, withBias: bias === undefined ? 0 : 1 });
}

describe('faults', () => {
  it.each([
    ['a wait for a token that nothing signals', 'DEADLOCK', (a: Assembler) => a.op('v.sync', {}, { wait: [5] })],
    ['a token that is taken twice', 'DEADLOCK', (a: Assembler) => a.op('v.sync', {}, { signal: [5] }).op('v.sync', {}, { wait: [5, 5] })],
    ['a token that nothing takes', 'UNBALANCED_TOKENS', (a: Assembler) => a.op('v.sync', {}, { signal: [5, 5] })],
    ['a transfer from no tensor', 'OUT_OF_RANGE', (a: Assembler) => a.move('d.ld', 4096, 0, 16)],
    ['a transfer past the end of a tensor', 'OUT_OF_RANGE', (a: Assembler) => a.move('d.ld', 120, 0, 16)],
    [
      'strided rows past the end of a tensor',
      'OUT_OF_RANGE',
      (a: Assembler) => a.set(1, 0).op('d.st', { dram: 1, global: 0, rowBytes: 8, rows: 3, dramStride: 64 }),
    ],
    ['a transfer past the end of the buffer', 'OUT_OF_RANGE', (a: Assembler) => a.move('d.ld', 0, 65530, 16)],
    ['a negative address', 'OUT_OF_RANGE', (a: Assembler) => a.move('d.ld', 0, -4, 16)],
    [
      'a transfer of nothing',
      'PROGRAM_FAULT',
      (a: Assembler) => a.set(1, 0).op('d.ld', { dram: 1, global: 0, rowBytes: 0, rows: 1, dramStride: 0 }),
    ],
    [
      'rows that overlap',
      'PROGRAM_FAULT',
      (a: Assembler) => a.set(1, 0).op('d.ld', { dram: 1, global: 0, rowBytes: 8, rows: 2, dramStride: 4 }),
    ],
    ['a register beyond 48 bits', 'PROGRAM_FAULT', (a: Assembler) => a.set(1, 2 ** 47 - 1).op('la', { rd: 1, rs: 1, scale: 2, base: 0 })],
    ['a program that does not end in time', 'ENDLESS', (a: Assembler) => a.op('loop', { rd: 1, count: 2 ** 31, step: 0 }).op('end', {})],
    ['a vector operand past the end of the buffer', 'OUT_OF_RANGE', (a: Assembler) => a.set(1, 65530).op('v.fill', { dst: 1, bytes: 16 })],
    [
      'a vector operand that is not aligned',
      'OUT_OF_RANGE',
      (a: Assembler) => a.vector({ N: 1, COUNT: 4 }).set(1, 3).op('v.add', { dst: 1, a: 0, b: 0 }),
    ],
    ['a vector instruction without configuration', 'PROGRAM_FAULT', (a: Assembler) => a.op('v.add', { dst: 0, a: 0, b: 0 })],
    ['a wave on nothing', 'BLOCK_MISMATCH', (a: Assembler) => a.op('m.mul', { a: 0, b: 0, c: 0, first: 0 })],
    [
      'a wave of blocks that do not meet',
      'BLOCK_MISMATCH',
      (a: Assembler) => loaded(a, { BK: 3 }).op('m.mul', { a: 0, b: 0, c: 0, first: 0 }),
    ],
    ['adding to an empty accumulator', 'BLOCK_MISMATCH', (a: Assembler) => loaded(a).op('m.mul', { a: 0, b: 0, c: 0, first: 2 })],
    ['draining an accumulator that holds another block', 'BLOCK_MISMATCH', (a: Assembler) => loaded(a).op('m.st', drain)],
    [
      'adding to f16 results',
      'PROGRAM_FAULT',
      (a: Assembler) =>
        loaded(a)
          .op('m.mul', { a: 0, b: 0, c: 0, first: 0 })
          .op('m.st', { ...drain, add: 2 }),
    ],
    [
      'a block behind the operand',
      'OUT_OF_RANGE',
      (a: Assembler) => a.matrix(PRODUCT).set(1, 4).op('m.lda', { half: 0, base: 0, m0: 1, k0: 0 }),
    ],
    ['a moving operand outside of the buffer', 'OUT_OF_RANGE', (a: Assembler) => loaded(a, { ASN: 2 ** 20 })],
    ['a stationary operand outside of the buffer', 'OUT_OF_RANGE', (a: Assembler) => loaded(a, { BSN: -64 })],
    [
      'results outside of the buffer',
      'OUT_OF_RANGE',
      (a: Assembler) =>
        loaded(a, { CSN: 2 ** 20 })
          .op('m.mul', { a: 0, b: 0, c: 0, first: 0 })
          .op('m.st', drain),
    ],
    ['a patch matrix without extents', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { Q: 0 })],
    ['a stationary operand without extents', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { BKI: 0 })],
    [
      'a copy whose rows go backwards',
      'PROGRAM_FAULT',
      (a: Assembler) => a.vector({ ROWS: 2, ROWBYTES: 8, SRCSTRIDE: -8 }).set(1, 64).op('v.copy', { dst: 1, src: 0 }),
    ],
    [
      'extents below 1, though their product is above',
      'PROGRAM_FAULT',
      (a: Assembler) => a.vector({ N: -1, COUNT: -4 }).set(1, 64).op('v.add', { dst: 1, a: 0, b: 0 }),
    ],
    [
      'groups that do not divide the channels',
      'PROGRAM_FAULT',
      (a: Assembler) => a.vector({ N: 1, C: 3, GROUPS: 2, M: 1 }).set(1, 64).op('v.stats_end', { stats: 1, state: 0 }),
    ],
    [
      'a pooling window whose index has more than 8 bits',
      'PROGRAM_FAULT',
      (a: Assembler) =>
        a
          .vector({ N: 1, C: 1, H: 1, W: 1, P: 1, Q: 1, R: 257, S: 1 })
          .set(1, 64)
          .op('v.max_pool', { dst: 1, index: 1, src: 0, withIndex: 1 }),
    ],
    ['an image of negative width', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { W: -(2 ** 31) })],
    [
      'a result that overlaps an operand in part',
      'PROGRAM_FAULT',
      (a: Assembler) => a.vector({ N: 1, COUNT: 8 }).set(1, 8).op('v.add', { dst: 1, a: 0, b: 0 }),
    ],
    [
      'more signals of a token than it counts',
      'PROGRAM_FAULT',
      (a: Assembler) =>
        a
          .op('loop', { rd: 1, count: 40_000, step: 1 })
          .op('v.sync', {}, { signal: [1, 1] })
          .op('end', {}),
    ],
    ['a patch matrix of 2^32 pixels an image', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { P: 65536, Q: 65536 })],
    ['a filter of 2^32 taps', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { R: 65536, S: 65536 })],
    ['patches that reach beyond 32 bits', 'PROGRAM_FAULT', (a: Assembler) => loaded(a, { P: 4, SH: 2 ** 30 })],
    [
      'results that overlap',
      'PROGRAM_FAULT',
      (a: Assembler) => loaded(a, { CSN: 0 }).op('m.mul', { a: 0, b: 0, c: 0, first: 0 }).op('m.st', drain),
    ],
    [
      'results that overlap the biases',
      'PROGRAM_FAULT',
      (a: Assembler) =>
        loaded(a)
          .op('m.mul', { a: 0, b: 0, c: 0, first: 0 })
          .op('m.st', { ...drain, bias: 3, withBias: 1 }),
    ],
    ['totals of no rows', 'PROGRAM_FAULT', (a: Assembler) => gathered(a, { TMI: 0 }, 2048)],
    ['totals that overlap each other', 'PROGRAM_FAULT', (a: Assembler) => gathered(a, { TSMO: 3 }, 2048)],
    ['totals of rows that overlap each other', 'PROGRAM_FAULT', (a: Assembler) => gathered(a, { X: 1, BN: 3, TSMO: 3 }, 2048)],
    ['totals outside of the buffer', 'OUT_OF_RANGE', (a: Assembler) => gathered(a, {}, 65536 - 32)],
    ['totals that are not aligned', 'OUT_OF_RANGE', (a: Assembler) => gathered(a, {}, 2052)],
    ['results that overlap the totals', 'PROGRAM_FAULT', (a: Assembler) => gathered(a, {}, 128)],
    ['biases that overlap the totals', 'PROGRAM_FAULT', (a: Assembler) => gathered(a, {}, 2048, 2048 + 8)],
    ['gathering what the accumulator does not hold', 'BLOCK_MISMATCH', (a: Assembler) => loaded(a).op('m.st_sums', SUMS)],
  ] as const)('%s: %s', (_what, code, emit) => {
    expect(faultOf((a) => void emit(a))).toBe(code);
  });

  it('name instruction, layer and ONNX node', () => {
    const a = new Assembler();
    a.layer('first', () => a.set(1, 1)).layer('second', () => a.op('v.sync', {}, { wait: [9] }));
    const [diagnostic] = caught(() => run(a.program(), { mode: 'timing' })).diagnostics;
    expect(diagnostic?.place).toEqual({ layer: 'second', node: 'node of second' });
    expect(diagnostic?.message).toContain('instruction 2 (v.sync)');
    expect(diagnostic?.message).toContain('token 9');
  });

  it('refuse a label that is no class', () => {
    const a = new Assembler();
    const labels = a.tensor('labels', { dtype: 'i32', shape: [1] }, { role: 'input' });
    a.move('d.ld', labels, 64, 4, { signal: [1] }).op('v.sync', {}, { wait: [1] });
    a.vector({ N: 1, COUNT: 3 }).set(1, 64).set(2, 128).set(3, 192).op('v.softmax_loss', { loss: 2, dlogits: 3, logits: 0, labels: 1 });
    const inputs = new Map([['labels', Int32Array.of(3)]]);
    expect(caught(() => run(a.program(), { mode: 'functional', inputs })).diagnostics[0]?.message).toContain('label 3');
  });

  it('refuse more work than the run may do, before doing it', () => {
    const a = new Assembler();
    a.set(1, 0).op('v.fill', { dst: 1, bytes: 4096 });
    for (const mode of ['functional', 'timing'] as const) {
      expect(codeOf(() => run({ ...a.program(), code: a.code }, { mode, workLimit: 4000 }))).toBe('ENDLESS');
    }
  });

  it('report everything that is wrong with the code before running it', () => {
    const a = new Assembler();
    a.op('end', {})
      .op('la', { rd: 64, rs: 0, scale: 0, base: 0 })
      .op('loop', { rd: 1, count: 0, step: 0 })
      .op('skipz', { rs: 0, count: 9 });
    const { diagnostics } = caught(() => run(a.program(), { mode: 'timing' }));
    expect(diagnostics.map((d) => d.code)).toEqual(Array.from(diagnostics, () => 'BAD_PROGRAM'));
    expect(diagnostics.length).toBe(5);
  });
});
