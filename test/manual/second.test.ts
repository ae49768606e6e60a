import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeProgram, encodeProgram, run } from '../../backends/wavecore/index.ts';
import { OPS } from '../../backends/wavecore/isa/layout.ts';
import { MANUAL } from '../../scripts/manual/files.ts';
import { Assembler } from '../backends/assembler.ts';
import { baseFiles } from '../fuzz/bases.ts';
import { secondRun } from './second/run.ts';

const manual = readFileSync(MANUAL, 'utf8');

/** The same bytes for every input: halves of moderate size, labels of class 0. */
function inputsOf(file: Uint8Array): Map<string, Uint8Array> {
  const inputs = decodeProgram(file).symbols.filter((s) => s.role === 'input');
  return new Map(
    inputs.map(({ name, dtype, bytes }) => [
      name,
      dtype === 'f16'
        ? Uint8Array.from({ length: bytes }, (_, i) => (i % 2 === 0 ? i * 37 : 0x34 + ((i * 5) % 9) + ((i * 11) % 2) * 0x80))
        : new Uint8Array(bytes),
    ]),
  );
}

/** What the compiled programs have no use for: skips, register arithmetic, softmax without loss. */
function byHand(): Uint8Array {
  const a = new Assembler();
  const x = a.tensor('x', { dtype: 'f16', shape: [2, 5] }, { role: 'input' });
  const y = a.tensor('y', { dtype: 'f16', shape: [4, 5] }, { role: 'output' });
  a.move('d.ld', x, 0, 20, { signal: [1] }).op('v.sync', {}, { wait: [1] });
  a.vector({ N: 2, COUNT: 5 }).set(1, 0);
  a.op('loop', { rd: 2, count: 2, step: 3 }).op('par', { rd: 3, rs: 2, scale: 64, base: 64 });
  a.op('skipnz', { rs: 2, count: 1 }).op('v.softmax', { dst: 3, src: 1 }, { signal: [2] });
  a.op('skipz', { rs: 2, count: 1 }).op('v.log_softmax', { dst: 3, src: 1 }, { signal: [2] });
  a.set(4, y).op('mac', { rd: 4, rs: 2, scale: 7 });
  a.op('la', { rd: 7, rs: 2, scale: -1, base: 0 }).op('mac', { rd: 4, rs: 7, scale: 1 }).op('mac', { rd: 4, rs: 0, scale: 9 });
  a.op('d.st', { dram: 4, global: 3, rowBytes: 4, rows: 5, dramStride: 4 }, { wait: [2] }).op('end', {});
  return encodeProgram(a.program());
}

const programs = [...baseFiles(), byHand()].map((file, i) => ({ name: `program ${i}`, file }));
const executed = new Set<string>();

describe('a second interpreter, written from the manual alone', () => {
  it.each(programs)('leaves the same bits and counts the same cycles and traffic: $name', ({ file }) => {
    const inputs = inputsOf(file);
    const program = decodeProgram(file);
    const ours = run(program, { mode: 'functional', inputs });
    const second = secondRun(file, manual, inputs);
    for (const op of second.ops) executed.add(op);
    for (const { name, address, bytes } of program.symbols) {
      expect(second.dram.slice(address, address + bytes), name).toEqual(ours.readTensor(name).bytes);
    }
    expect(second.traffic).toEqual(ours.traffic.byKind);
    expect(second.cycles).toBe(ours.cycles);
  });

  it('meets every instruction', () => {
    expect(OPS.filter((op) => !executed.has(op))).toEqual([]);
  });
});
