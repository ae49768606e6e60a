import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeProgram, encodeProgram, type Program, type RunResult, run } from '../../backends/wavecore/index.ts';
import { OPS } from '../../backends/wavecore/isa/layout.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import { MANUAL } from '../../scripts/manual/files.ts';
import { Assembler } from '../backends/assembler.ts';
import { baseFiles } from '../fuzz/bases.ts';
import { Campaign } from '../fuzz/campaign.ts';
import { attempt, inputsOf, LIMITS } from '../fuzz/check.ts';
import { secondRun } from './second/run.ts';

const manual = readFileSync(MANUAL, 'utf8');

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

const programs = [...baseFiles(), byHand()].map((file, i) => ({ name: `program ${i}`, file }));
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
