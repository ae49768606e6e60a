import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import { toHalfBits } from '../../../ir/half.ts';
import { Assembler } from '../assembler.ts';
import { caught } from '../caught.ts';

const f32 = (...shape: number[]) => ({ dtype: 'f32' as const, shape });
const f16 = (...shape: number[]) => ({ dtype: 'f16' as const, shape });

function bytesAfter(a: Assembler, name: string, inputs = new Map<string, Float32Array>()): Uint8Array {
  return run(a.program(), { mode: 'functional', inputs }).readTensor(name).bytes;
}

describe('values before the run', () => {
  it('rounds initial values and copies to the type of their tensor', () => {
    const a = new Assembler();
    a.tensor('master', f32(3), { initial: { form: 'values', values: Float32Array.of(1.0001, -2, 65519) } });
    a.tensor('weight', f16(3), { initial: { form: 'copyOf', tensor: 'master' } });
    const bytes = bytesAfter(a, 'weight');
    expect([...new Uint16Array(bytes.buffer)]).toEqual([1.0001, -2, 65519].map((v) => toHalfBits(Math.fround(v))));
  });

  it('fills splats beyond a page, at addresses above 4 GiB', () => {
    const a = new Assembler();
    a.tensor('big', f16(700_000), { address: 2 ** 33, initial: { form: 'splat', value: -1.5 } });
    const halves = new Uint16Array(bytesAfter(a, 'big').buffer);
    expect(halves.length).toBe(700_000);
    expect(halves.every((bits) => bits === 0xbe00)).toBe(true);
  });

  it('truncates what integers cannot hold', () => {
    const a = new Assembler();
    a.tensor('x', { dtype: 'i64', shape: [4] }, { initial: { form: 'values', values: Float32Array.of(2.5, -2.5, Number.NaN, 2 ** 65) } });
    a.tensor('y', { dtype: 'i64', shape: [1] }, { initial: { form: 'splat', value: 0.25 } });
    const result = run(a.program(), { mode: 'functional' });
    expect([...new BigInt64Array(result.readTensor('x').bytes.buffer)]).toEqual([2n, -2n, 0n, 0n]);
    expect([...new BigInt64Array(result.readTensor('y').bytes.buffer)]).toEqual([0n]);
  });

  it('converts copies from every type, narrow ones too', () => {
    const a = new Assembler();
    a.tensor('bytes', { dtype: 'u8', shape: [3] }, { initial: { form: 'values', values: Int32Array.of(1, 2, 255) } });
    a.tensor('words', { dtype: 'i32', shape: [3] }, { initial: { form: 'copyOf', tensor: 'bytes' } });
    a.tensor('long', { dtype: 'i64', shape: [3] }, { initial: { form: 'copyOf', tensor: 'words' } });
    a.tensor('halves', f16(3), { initial: { form: 'copyOf', tensor: 'long' } });
    expect([...new Uint16Array(bytesAfter(a, 'halves').buffer)]).toEqual([1, 2, 255].map(toHalfBits));
  });

  it('refuses values, outputs and written pages beyond the memory that is allowed', () => {
    const huge = { address: 0, initial: { form: 'splat', value: 1 } } as const;
    for (const rest of [huge, { ...huge, initial: undefined, role: 'output' as const }]) {
      const a = new Assembler();
      a.tensor('huge', f16(2 ** 46), rest);
      expect(caught(() => run(a.program(), { mode: 'functional' })).diagnostics[0]?.code).toBe('HOST_MEMORY');
    }
    const a = new Assembler();
    const far = a.tensor('far', f16(2 ** 40));
    a.op('loop', { rd: 1, count: 4, step: 2 ** 30 })
      .set(2, far)
      .op('mac', { rd: 2, rs: 1, scale: 1 });
    a.op('d.st', { dram: 2, global: 0, rowBytes: 64, rows: 1, dramStride: 0 }).op('end', {});
    const program = a.program();
    expect(caught(() => run(program, { mode: 'functional', memoryLimit: 2 ** 21 })).diagnostics[0]?.code).toBe('HOST_MEMORY');
    run(program, { mode: 'functional', memoryLimit: 2 ** 22 });
  });

  it('takes inputs as numbers, as half bits and as bytes', () => {
    const given = [Float32Array.of(1, 0.5), Float64Array.of(1, 0.5), Uint16Array.of(0x3c00, 0x3800), Uint8Array.of(0, 0x3c, 0, 0x38)];
    for (const value of given) {
      const a = new Assembler();
      a.tensor('x', f16(2), { role: 'input' });
      const result = run(a.program(), { mode: 'functional', inputs: new Map([['x', value]]) });
      expect([...result.readTensor('x').bytes]).toEqual([0, 0x3c, 0, 0x38]);
    }
  });

  it('names every input that is missing, unknown or of the wrong size', () => {
    const a = new Assembler();
    a.tensor('x', f16(2), { role: 'input' });
    a.tensor('y', f16(2), { role: 'input' });
    const inputs = new Map([
      ['x', new Float32Array(3)],
      ['z', new Float32Array(1)],
    ]);
    const diagnostics = caught(() => run(a.program(), { mode: 'functional', inputs })).diagnostics;
    expect(diagnostics.map((d) => [d.code, d.place.tensor])).toEqual([
      ['BAD_RUN_INPUT', 'x'],
      ['BAD_RUN_INPUT', 'y'],
      ['BAD_RUN_INPUT', 'z'],
    ]);
  });

  it('has no values in timing mode', () => {
    const a = new Assembler();
    a.tensor('x', f16(2), { role: 'output' });
    const result = run(a.program(), { mode: 'timing' });
    expect(result.outputs.size).toBe(0);
    expect(caught(() => result.readTensor('x')).diagnostics[0]?.code).toBe('NOT_RUN');
  });
});
