import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Line } from '../../../backends/wavecore/assembly/line.ts';
import { printFields, printInstruction } from '../../../backends/wavecore/assembly/print-instruction.ts';
import { readInstruction } from '../../../backends/wavecore/assembly/read-instruction.ts';
import { assemble, decodeProgram, disassemble, encodeProgram } from '../../../backends/wavecore/index.ts';
import { decode } from '../../../backends/wavecore/isa/decode.ts';
import { encode } from '../../../backends/wavecore/isa/encode.ts';
import type { Instruction } from '../../../backends/wavecore/isa/table.ts';
import { SCHEDULES } from '../../../passes/mbs/schedule.ts';
import { compile } from '../../../src/api.ts';
import { residualNetwork } from '../../chain/network.ts';
import { anyInstruction } from '../isa/instructions.ts';
import { anyProgram } from '../program-file/programs.ts';
import { survivesAssembly } from './round-trip.ts';

const models = fileURLToPath(new URL('../../../examples/models/', import.meta.url));
/** Models that are compiled in little time; the others are when ALL_NETWORKS is set. */
const QUICK = ['alexnet.train.onnx', 'resnet50.train.onnx', 'resnet50.eval.onnx'];

function readBack(op: Instruction['op'], text: string): Instruction | undefined {
  const line = new Line(text, 'text', 1);
  line.next();
  const [read] = readInstruction(line, op, { constants: new Map(), tensors: new Map() });
  return read?.instruction;
}

describe('one instruction', () => {
  it('is the same decoded, and printed and read back in both forms', () => {
    fc.assert(
      fc.property(anyInstruction, (instruction) => {
        const decoded = decode([...encode(instruction)]);
        expect(encode(decoded)).toEqual(encode(instruction));
        expect(readBack(decoded.op, printInstruction(decoded))).toEqual(decoded);
        expect(readBack(decoded.op, printFields(decoded))).toEqual(decoded);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a program', () => {
  it('is the same read back from its text, whatever it holds', () => {
    fc.assert(
      fc.property(anyProgram, (program) => {
        const again = assemble(disassemble(program));
        expect(again).toEqual(program);
        expect(encodeProgram(again)).toEqual(encodeProgram(program));
        expect(survivesAssembly(program)).toBe(true);
      }),
    );
  });

  it('keeps f32 values that only bits tell apart', () => {
    const bits = Int32Array.of(0x7fc00001, 0x7fc00000, -0x80000000, 1, 0x7f800000, 0x3dcccccd);
    const values = new Float32Array(bits.buffer);
    const [program] = fc.sample(anyProgram, 1);
    if (program === undefined) return expect.unreachable();
    const symbol = { name: 'x', kind: 'weight', dtype: 'f32', shape: [6], address: 0, bytes: 24, role: 'internal' } as const;
    expect(survivesAssembly({ ...program, symbols: [{ ...symbol, initial: { form: 'values', values } }] })).toBe(true);
  });

  it.each(SCHEDULES)('of a residual network under %s, with weights in the program file', (schedule) => {
    for (const mode of ['training', 'inference'] as const) {
      expect(survivesAssembly(compile(residualNetwork(6), { schedule, mode, batch: 6 }))).toBe(true);
    }
  });

  it.each(process.env.ALL_NETWORKS === undefined ? QUICK : readdirSync(models).filter((name) => name.endsWith('.onnx')))(
    'of %s in full size',
    (name) => {
      const mode = name.includes('.train.') ? 'training' : 'inference';
      const program = compile(readFileSync(models + name), { file: name, mode });
      expect(survivesAssembly(decodeProgram(encodeProgram(program)))).toBe(true);
    },
  );
});
