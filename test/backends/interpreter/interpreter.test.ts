import { describe, expect, it } from 'vitest';
import { Interpreter, run, type TensorValue } from '../../../backends/wavecore/index.ts';
import { fromHalfBits } from '../../../ir/half.ts';
import { Assembler } from '../assembler.ts';
import { caught } from '../caught.ts';

const f16 = { dtype: 'f16' as const, shape: [2] };
const f32 = { dtype: 'f32' as const, shape: [2] };

/** sum += x; what the sum held before is stored as well. */
function accumulator() {
  const a = new Assembler();
  const x = a.tensor('x', f16, { role: 'input' });
  const sum = a.tensor('sum', f16, { role: 'output', initial: { form: 'values', values: Float32Array.of(10, 20) } });
  const before = a.tensor('before', f16, { role: 'output' });
  a.tensor('unused', f16);
  a.vector({ N: 1, COUNT: 2 });
  a.layer('add', () => {
    a.move('d.ld', x, 0, 4).move('d.ld', sum, 8, 4, { signal: [1] });
    a.set(2, 8)
      .op('v.sync', {}, { wait: [1] })
      .op('fence', {});
    a.move('d.st', before, 8, 4).op('fence', {});
    a.op('v.add', { dst: 2, a: 0, b: 2 }, { signal: [2] });
    a.move('d.st', sum, 8, 4, { wait: [2] });
  });
  return a.program();
}

function halves({ bytes }: TensorValue): number[] {
  return [...new Uint16Array(bytes.buffer)].map(fromHalfBits);
}

const x = (...values: number[]) => new Map([['x', Float32Array.from(values)]]);

describe('an interpreter', () => {
  it('keeps the DRAM from run to run', () => {
    const core = new Interpreter(accumulator());
    expect(halves(core.readTensor('sum'))).toEqual([10, 20]);
    const first = core.run(x(1, 2));
    expect(halves(core.readTensor('sum'))).toEqual([11, 22]);
    core.run({ x: Float32Array.of(100, 100) });
    expect(halves(core.readTensor('sum'))).toEqual([111, 122]);
    expect(halves(core.readTensor('before'))).toEqual([11, 22]);
    // Outputs of an earlier run stay what they were.
    expect(halves(first.outputs.get('sum') ?? core.readTensor('x'))).toEqual([11, 22]);
  });

  it('gives an input of an earlier run again where there is no new one', () => {
    const core = new Interpreter(accumulator());
    core.run(x(1, 2));
    core.run();
    expect(halves(core.readTensor('sum'))).toEqual([12, 24]);
    core.writeTensor('x', Float32Array.of(0, 1));
    core.run();
    expect(halves(core.readTensor('sum'))).toEqual([12, 25]);
  });

  it('counts the same in every run as a run alone', () => {
    const program = accumulator();
    const alone = run(program, { mode: 'functional', inputs: x(1, 2) });
    const core = new Interpreter(program);
    const counts = ({ outputs, readTensor, ...rest }: typeof alone) => rest;
    for (let i = 0; i < 3; i++) expect(counts(core.run(x(1, 2)))).toEqual(counts(alone));
    expect(counts(new Interpreter(program, { mode: 'timing' }).run())).toEqual({ ...counts(alone), mode: 'timing' });
  });

  it('takes values of tensors between runs; rounded copies follow', () => {
    const a = new Assembler();
    a.tensor('master', f32, { initial: { form: 'splat', value: 1 } });
    a.tensor('weight', f16, { initial: { form: 'copyOf', tensor: 'master' } });
    const core = new Interpreter(a.program());
    core.writeTensor('master', Float32Array.of(0.1, -3));
    expect(halves(core.readTensor('weight'))).toEqual([0.0999755859375, -3]);
    core.writeTensor('weight', Float32Array.of(5, 6));
    expect(new Float32Array(core.readTensor('master').bytes.buffer)).toEqual(Float32Array.of(0.1, -3));
  });

  it('tells its handlers what it does, until they leave', () => {
    const core = new Interpreter(accumulator());
    const heard: unknown[] = [];
    const leave = [
      core.on('layer', ({ layer, at }) => heard.push([layer.layer, layer.origin, at])),
      core.on('transfer', ({ tensor, write, bytes, start, end }) => heard.push([tensor.name, write, bytes, end - start])),
      core.on('transfer', ({ tensor }) => heard.push(tensor.name)),
    ];
    core.run(x(1, 2));
    expect(heard.slice(0, 5)).toEqual([
      ['add', 'node of add', expect.any(Number)],
      ['x', false, 64, 14],
      'x',
      ['sum', false, 64, 14],
      'sum',
    ]);
    expect(heard.length).toBe(1 + 2 * 4);
    leave[2]?.();
    leave[2]?.();
    core.run();
    expect(heard.length).toBe(9 + 1 + 4);
    for (const end of leave) end();
    core.run();
    expect(heard.length).toBe(14);
  });

  it('says what it cannot run, read or write', () => {
    const core = new Interpreter(accumulator());
    const timing = new Interpreter(accumulator(), { mode: 'timing' });
    const codes = (action: () => unknown) => caught(action).diagnostics.map((d) => [d.code, d.place.tensor]);
    expect(codes(() => core.run())).toEqual([['BAD_RUN_INPUT', 'x']]);
    expect(codes(() => core.run(new Map([...x(1, 2), ['y', Float32Array.of(1)]])))).toEqual([['BAD_RUN_INPUT', 'y']]);
    expect(codes(() => core.readTensor('y'))).toEqual([['NOT_RUN', 'y']]);
    expect(codes(() => core.writeTensor('sum', new Float32Array(3)))).toEqual([['BAD_RUN_INPUT', 'sum']]);
    expect(codes(() => timing.readTensor('sum'))).toEqual([['NOT_RUN', 'sum']]);
    expect(codes(() => timing.writeTensor('sum', new Float32Array(2)))).toEqual([['NOT_RUN', 'sum']]);
    expect(codes(() => new Interpreter({ ...accumulator(), code: [] }))).toEqual([['BAD_PROGRAM', undefined]]);
  });
});
