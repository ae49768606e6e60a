import { describe, expect, it } from 'vitest';
import { type Program, run } from '../../../backends/wavecore/index.ts';
import { settingOperands, settingsOf } from '../../../backends/wavecore/isa/settings.ts';
import type { Instruction } from '../../../backends/wavecore/isa/table.ts';
import { generator } from '../../ir/values.ts';
import { Assembler } from '../assembler.ts';
import { productProgram } from '../product.ts';

/** The same code with every two slots set by an instruction for four. */
function inFours({ code, ...rest }: Program): Program {
  const four = (instruction: Instruction): Instruction => {
    const op = instruction.op === 'm.cfg' ? 'm.cfg4' : 'v.cfg4';
    // A slot behind the last one can only be set by an instruction for two.
    return {
      ...instruction,
      op,
      operands: settingOperands(
        op,
        settingsOf(instruction).filter(({ value }) => value !== 0),
      ),
    };
  };
  const isZero = ({ operands }: Instruction): boolean => operands.v0 === 0 && operands.v1 === 0;
  return {
    ...rest,
    code: code.map((instruction) =>
      (instruction.op === 'm.cfg' || instruction.op === 'v.cfg') && !isZero(instruction) ? four(instruction) : instruction,
    ),
  };
}

function product(): { readonly program: Program; readonly inputs: ReadonlyMap<string, Float64Array> } {
  const random = generator(3);
  const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => Math.floor(random() * 7) - 3);
  const image = { P: 3, Q: 4, R: 2, S: 2, H: 4, W: 5, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1, ASN: 40, ASC: 20 };
  const slots = { ...image, AM: 12, AK: 8, BN: 6, BKI: 8, BSKI: 1, BSN: 8, CMI: 12, CSMI: 1, CSN: 12, PT: 0, PL: 0 };
  const [moving, stationary] = [numbers(40), numbers(48)];
  const inputs = new Map([
    ['moving', moving],
    ['stationary', stationary],
  ]);
  return { program: productProgram({ slots, moving, stationary, results: 72 }), inputs };
}

function sum(): { readonly program: Program; readonly inputs: ReadonlyMap<string, Float64Array> } {
  const a = new Assembler();
  const type = { dtype: 'f16' as const, shape: [2, 5] };
  const [x, y] = [a.tensor('x', type, { role: 'input' }), a.tensor('result', type, { role: 'output' })];
  a.move('d.ld', x, 0, 20, { signal: [1] })
    .op('v.sync', {}, { wait: [1] })
    .op('v.cfg', { slot: 0, v0: 2, v1: 3 })
    .op('v.cfg', { slot: 14, v0: 5, v1: -1 })
    .set(1, 64);
  a.op('v.add', { dst: 1, a: 0, b: 0 }, { signal: [2] }).move('d.st', y, 64, 20, { wait: [2] });
  return { program: a.program(), inputs: new Map([['x', Float64Array.from({ length: 10 }, (_, i) => i - 4)]]) };
}

describe('configuration of four slots', () => {
  it.each([
    ['matrix', product, 'm.cfg4'],
    ['vector', sum, 'v.cfg4'],
  ] as const)('is what two slots at a time leave, and takes as long: %s unit', (_, make, op) => {
    const { program, inputs } = make();
    const fours = inFours(program);
    expect(fours.code.some((instruction) => instruction.op === op)).toBe(true);
    for (const kernels of ['plain', 'wasm'] as const) {
      const [two, four] = [program, fours].map((each) => run(each, { mode: 'functional', inputs, kernels, check: true }));
      expect(four?.readTensor('result').bytes).toEqual(two?.readTensor('result').bytes);
      expect(four?.cycles).toBe(two?.cycles);
      expect(four?.check?.findings).toEqual([]);
    }
    expect(run(fours, { mode: 'timing' }).cycles).toBe(run(program, { mode: 'timing' }).cycles);
  });

  it('keeps the last value of a slot that is named twice', () => {
    const { program, inputs } = sum();
    const twice = program.code.map((instruction) =>
      instruction.op !== 'v.cfg' || instruction.operands.slot !== 14
        ? instruction
        : { ...instruction, op: 'v.cfg4' as const, operands: { slot0: 14, v0: 7, slot1: 14, v1: 4, slot2: 1, v2: 1, slot3: 14, v3: 5 } },
    );
    const result = (each: Program): Uint8Array => run(each, { mode: 'functional', inputs }).readTensor('result').bytes;
    expect(result({ ...program, code: twice })).toEqual(result(program));
  });
});
