import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeProgram, run } from '../../backends/wavecore/index.ts';
import { OPS } from '../../backends/wavecore/isa/layout.ts';
import { MANUAL } from '../../scripts/manual/files.ts';
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

const programs = baseFiles().map((file, i) => ({ name: `program ${i}`, file }));
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
