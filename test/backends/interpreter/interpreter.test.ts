import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../../backends/wavecore/index.ts';
import { WavecError } from '../../../ir/diagnostics.ts';
import { f32 } from '../../../ir/layers/types.ts';
import { Assembler } from '../assembler.ts';
import { numbersOf } from '../vector-layer.ts';

const LENGTH = 4;

/** master −= 0.5·grad, the master in DRAM. */
function program() {
  const a = new Assembler();
  const master = a.tensor('master', f32([LENGTH]), { initial: { form: 'splat', value: 1 } });
  const grad = a.tensor('grad', f32([LENGTH]), { role: 'input' });
  a.move('d.ld', master, 64, 4 * LENGTH).move('d.ld', grad, 128, 4 * LENGTH, { signal: [1] });
  a.op('v.sync', {}, { wait: [1] }).vector({ COUNT: LENGTH, LR: 0x3f000000, DECAY: 0, GRADSCALE: 0x3f800000 });
  a.set(1, 64)
    .set(2, 128)
    .op('v.sgd', { master: 1, grad: 2, weight: 0, withWeight: 0 })
    .op('v.sync', {}, { signal: [2] });
  return a.move('d.st', master, 64, 4 * LENGTH, { wait: [2] }).program();
}

const gradient = (value: number) => new Map([['grad', new Float32Array(LENGTH).fill(value)]]);
const codeOf = (action: () => unknown): unknown => {
  try {
    return action();
  } catch (error) {
    return error instanceof WavecError ? error.diagnostics[0]?.code : error;
  }
};

describe('an interpreter', () => {
  it('keeps its DRAM from run to run', () => {
    const core = new Interpreter(program(), { mode: 'functional' });
    const first = core.run(gradient(2));
    expect(numbersOf(core.readTensor('master'))).toEqual(new Float64Array(LENGTH).fill(0));
    const second = core.run(gradient(4));
    expect(numbersOf(core.readTensor('master'))).toEqual(new Float64Array(LENGTH).fill(-2));
    expect(second.cycles).toBe(first.cycles);
  });

  it('runs on what was written between runs', () => {
    const core = new Interpreter(program(), { mode: 'functional' });
    core.writeTensor('master', Float32Array.of(1, 2, 3, 4));
    core.run(gradient(2));
    expect(numbersOf(core.readTensor('master'))).toEqual(Float64Array.of(0, 1, 2, 3));
  });

  it('refuses tensors that it does not have, values of another size, and tensors where there are no data', () => {
    const core = new Interpreter(program(), { mode: 'functional' });
    expect(codeOf(() => core.readTensor('other'))).toBe('NOT_RUN');
    expect(codeOf(() => core.writeTensor('master', Float32Array.of(1)))).toBe('BAD_RUN_INPUT');
    expect(codeOf(() => new Interpreter(program(), { mode: 'timing' }).readTensor('master'))).toBe('NOT_RUN');
  });
});
