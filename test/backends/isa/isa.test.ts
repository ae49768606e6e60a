import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codeProblems } from '../../../backends/wavecore/isa/check.ts';
import { DecodeError, decode, decodeAll } from '../../../backends/wavecore/isa/decode.ts';
import { encode, encodeAll } from '../../../backends/wavecore/isa/encode.ts';
import { layoutOf, OPS, specOf, tableProblems } from '../../../backends/wavecore/isa/layout.ts';
import type { Instruction, Op } from '../../../backends/wavecore/isa/table.ts';
import { anyCode, anyInstruction } from './instructions.ts';

const make = (op: Op, operands: Record<string, number> = {}, rest: Partial<Instruction> = {}): Instruction => ({
  op,
  operands,
  wait: [],
  signal: [],
  ...rest,
});
const halt = make('halt');
const reasons = (...code: Instruction[]): string[] => codeProblems(code).map((p) => p.reason);

describe('ISA table', () => {
  it('accounts for every bit: opcodes differ, fields fit, names differ', () => {
    expect(tableProblems()).toEqual([]);
  });

  it('finds what would be wrong with a table', () => {
    const wide = { ...specOf('la'), opcode: 1 };
    const twice = { ...specOf('mac'), fields: [...specOf('mac').fields, ...specOf('mac').fields] };
    expect(tableProblems({ halt: specOf('halt'), wide, twice }).length).toBe(2);
    expect(tableProblems({ long: { ...specOf('la'), fields: [...specOf('la').fields, ...specOf('par').fields] } }).length).toBe(2);
  });

  it('puts fields behind the header without gaps', () => {
    for (const op of OPS) {
      let at = 32;
      for (const field of layoutOf(op)) {
        expect(field.at).toBe(at);
        at += field.bits;
      }
      expect(at).toBeLessThanOrEqual(128);
    }
  });
});

describe('encoding', () => {
  it('is read back as it was', () => {
    fc.assert(fc.property(fc.array(anyInstruction), (code) => void expect(decodeAll(encodeAll(code))).toEqual(code)));
  });

  it('lays bits as declared, across words', () => {
    const words = encode(make('par', { rd: 63, rs: 1, scale: -1, base: -2 }, {}));
    expect([...words]).toEqual([0x04, (63 | (1 << 6) | (0xfffff << 12)) >>> 0, (0xfff | (0xffffe << 12)) >>> 0, 0xfffffff]);
    expect([...encode(make('v.sync', {}, { wait: [1, 2], signal: [3, 63] }))]).toEqual([
      (0x31 | (1 << 8) | (2 << 14) | (3 << 20) | (63 << 26)) >>> 0,
      0,
      0,
      0,
    ]);
    const four = { slot0: 1, v0: -1, slot1: 2, v1: 3, slot2: 255, v2: -32768, slot3: 4, v3: 32767 };
    expect([...encode(make('m.cfg4', four))]).toEqual([0x27, 0x2ffff01, 0xff0003, 0x7fff0480]);
  });

  it('accepts only what an encoder writes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 0xffffffff }), { minLength: 4, maxLength: 4 }), fc.constantFrom(...OPS), (words, op) => {
        const given = [((words[0] ?? 0) & 0xffffff00) | specOf(op).opcode, ...words.slice(1)].map((word) => word >>> 0);
        try {
          expect([...encode(decode(given))]).toEqual(given);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
    );
  });
});

describe('code check', () => {
  it('accepts what is well formed', () => {
    fc.assert(fc.property(anyCode, (code) => void expect(codeProblems(code)).toEqual([])));
  });

  it('finds fields out of range, missing and unknown operands', () => {
    expect(reasons(make('mac', { rd: 64, rs: 0, scale: 2 ** 31 }), halt).length).toBe(2);
    expect(reasons(make('mac', { rd: 1, rs: 0 }), halt)).toEqual(['mac lacks operand scale']);
    expect(reasons(make('fence', { rd: 1 }), halt)).toEqual(['fence has no operand rd']);
    expect(reasons(make('mac', { rd: 1, rs: 0, scale: 0.5 }), halt).length).toBe(1);
    expect(reasons(make('m.cfg', { slot: 49, v0: 0, v1: 0 }), halt)).toEqual(['m.cfg: there is no slot 49']);
    const four = { slot0: 48, v0: 0, slot1: 49, v1: 0, slot2: 0, v2: 32768, slot3: 255, v3: 0 };
    expect(reasons(make('m.cfg4', four), halt)).toEqual([
      'm.cfg4: v2 is 32768, not a whole number in -32768…32767',
      'm.cfg4: there is no slot 49',
      'm.cfg4: there is no slot 255',
    ]);
  });

  it('finds wrong tokens', () => {
    expect(
      reasons(make('v.sync', {}, { wait: [64] }), make('v.sync', {}, { signal: [0] }), make('v.sync', {}, { wait: [1, 2, 3] }), halt)
        .length,
    ).toBe(3);
    expect(reasons(make('fence', {}, { wait: [1] }), halt)).toEqual(['fence runs on the sequencer, which has no tokens']);
  });

  it('finds loops and skips that do not nest', () => {
    const loop = make('loop', { rd: 1, count: 1, step: 1 });
    const end = make('end');
    const skip = (count: number): Instruction => make('skipz', { rs: 1, count });
    expect(reasons(end, halt)).toEqual(['end closes no loop']);
    expect(reasons(loop, halt)).toEqual(['loop has no end']);
    expect(reasons(skip(3), loop, end, halt)).toEqual(['skips 3 instructions, past the end of the program']);
    expect(reasons(skip(1), loop, end, halt)).toEqual(['skips 1 instructions, which cut a loop']);
    expect(reasons(loop, skip(1), end, halt)).toEqual(['skips 1 instructions, which cut a loop']);
    expect(reasons(loop, skip(0), end, halt)).toEqual([]);
    expect(reasons(skip(2), loop, end, halt)).toEqual([]);
    expect(reasons(...Array.from({ length: 17 }, () => loop), ...Array.from({ length: 17 }, () => end), halt)).toEqual([
      'loops nest more than 16 deep',
    ]);
    expect(reasons(loop, end)).toEqual(['the program does not end with halt']);
  });
});
