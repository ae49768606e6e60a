import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeProgram, encodeProgram, type Program, type RunResult, run } from '../../backends/wavecore/index.ts';
import { OPS } from '../../backends/wavecore/isa/layout.ts';
import type { MatrixSlot } from '../../backends/wavecore/isa/slots.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import { MANUAL } from '../../scripts/manual/files.ts';
import { Assembler } from '../backends/assembler.ts';
import { baseFiles } from '../fuzz/bases.ts';
import { Campaign } from '../fuzz/campaign.ts';
import { attempt, inputsOf, LIMITS } from '../fuzz/check.ts';
import { secondRun } from './second/run.ts';

const manual = readFileSync(MANUAL, 'utf8');

/** A product of 5 × 3 by 3 × 6 with biases, its totals gathered for every 2 pixels, in two blocks of the array's columns. */
function withTotals(result: Partial<Record<MatrixSlot, number>>): Uint8Array {
  const a = new Assembler();
  const operands = a.tensor('operands', { dtype: 'f16', shape: [64] }, { role: 'input' });
  const biases = a.tensor('biases', { dtype: 'f32', shape: [6] }, { role: 'input' });
  const y = a.tensor('y', { dtype: 'f16', shape: [5, 6] }, { role: 'output' });
  const totals = a.tensor('totals', { dtype: 'u8', shape: [3 * 6 * 16] }, { role: 'output' });
  a.move('d.ld', operands, 0, 128).move('d.ld', biases, 128, 24, { signal: [1] });
  a.set(9, 1024)
    .op('v.fill', { dst: 9, bytes: 288 }, { signal: [2] })
    .op('m.sync', {}, { wait: [1, 2] });
  const image = { P: 5, Q: 1, R: 1, S: 1, H: 5, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1, ASN: 0, ASC: 5 };
  a.matrix({ ...image, AM: 5, AK: 3, BK: 3, BN: 6, BKI: 3, BSKI: 6, BSN: 1, CMI: 5, TMI: 2, TSMO: 6, ...result });
  a.set(1, 30).set(2, 512).set(3, 128).op('m.lda', { half: 0, base: 0, m0: 0, k0: 0 });
  a.op('loop', { rd: 4, count: 2, step: 4 }).op('m.ldb', { half: 0, base: 1, k0: 0, n0: 4 }).op('m.mul', { a: 0, b: 0, c: 0, first: 0 });
  a.op('m.st_sums', { c: 0, base: 2, m0: 0, n0: 4, bias: 3, withBias: 1, state: 9 }).op('end', {});
  a.op('m.sync', {}, { signal: [3, 3] });
  return encodeProgram(
    a
      .move('d.st', y, 512, 60, { wait: [3] })
      .move('d.st', totals, 1024, 288, { wait: [3] })
      .program(),
  );
}

/** Plain results, two copies of three channels of which the last pixel is left out, and channels as rows. */
const RESULTS = [
  { CSMI: 6, CSN: 1 },
  { CSMI: 2, CNI: 3, CSNO: 1, CSN: 10, CW: 9 },
  { CSMI: 6, CSN: 1, X: 1 },
];

/** What the compiled programs have no use for: skips, register arithmetic, softmax without loss. */
function byHand(): Uint8Array {
  const a = new Assembler();
  const x = a.tensor('x', { dtype: 'f16', shape: [2, 5] }, { role: 'input' });
  const y = a.tensor('y', { dtype: 'f16', shape: [4, 5] }, { role: 'output' });
  a.move('d.ld', x, 0, 20)
    .op('d.ld_sync', {}, { signal: [1] })
    .op('v.sync', {}, { wait: [1] });
  a.vector({ N: 2, OUTER: 1, LENGTH: 5, INNER: 1 }).set(1, 0);
  a.op('loop', { rd: 2, count: 2, step: 3 }).op('par', { rd: 3, rs: 2, scale: 64, base: 64 });
  a.op('skipnz', { rs: 2, count: 1 }).op('v.softmax', { dst: 3, src: 1 }, { signal: [2] });
  a.op('skipz', { rs: 2, count: 1 }).op('v.log_softmax', { dst: 3, src: 1 }, { signal: [2] });
  a.set(4, y).op('mac', { rd: 4, rs: 2, scale: 7 });
  a.op('la', { rd: 7, rs: 2, scale: -1, base: 0 }).op('mac', { rd: 4, rs: 7, scale: 1 }).op('mac', { rd: 4, rs: 0, scale: 9 });
  a.op('d.st', { dram: 4, global: 3, rowBytes: 4, rows: 5, dramStride: 4 }, { wait: [2] }).op('end', {});
  a.op('d.st_sync', {}, { signal: [3] })
    .op('d.ld_sync', {}, { wait: [3] })
    .move('d.ld', x, 0, 20);
  return encodeProgram(a.program());
}

const programs = [...baseFiles(), byHand(), ...RESULTS.map(withTotals)].map((file, i) => ({ name: `program ${i}`, file }));
/** Runs both interpreters; fails where bits, traffic or cycles differ. Returns the instructions that were executed. */
function compare(file: Uint8Array, program: Program, ours: RunResult): ReadonlySet<string> {
  const second = secondRun(file, manual, inputsOf(program));
  for (const { name, address, bytes } of program.symbols) {
    const left = ours.readTensor(name).bytes;
    expect(left.length === bytes && left.every((byte, i) => byte === second.dram[address + i]), name).toBe(true);
  }
  expect(second.traffic).toEqual(ours.traffic.byKind);
  expect(second.cycles).toBe(ours.cycles);
  return second.ops;
}

describe('a second interpreter, written from the manual alone', () => {
  const executed = new Set<string>();

  it.each(programs)('leaves the same bits and counts the same cycles and traffic: $name', ({ file }) => {
    const program = decodeProgram(file);
    const ours = run(program, { mode: 'functional', inputs: inputsOf(program) });
    for (const op of compare(file, program, ours)) executed.add(op);
  });

  it('meets every instruction', () => {
    expect(OPS.filter((op) => !executed.has(op))).toEqual([]);
  });

  it('agrees on altered programs that still run to their end', () => {
    const campaign = new Campaign(5);
    let compared = 0;
    for (let number = 0; compared < 40; number++) {
      const { file } = campaign.case(number);
      const program = attempt(() => decodeProgram(file));
      if (program instanceof WavecError || program.symbols.some((s) => s.address + s.bytes > LIMITS.memoryLimit)) continue;
      const ours = attempt(() => run(program, { mode: 'functional', inputs: inputsOf(program), ...LIMITS }));
      if (ours instanceof WavecError) continue;
      compare(file, program, ours);
      compared++;
    }
  });
});
