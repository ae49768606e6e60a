import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Attrs } from '../../ir/graph.ts';
import { fromHalfBits, roundToHalf } from '../../ir/half.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount, type TensorType } from '../../ir/tensor.ts';
import { assemble, decodeProgram, encodeProgram, type Program, type RunResult, run, verify } from '../../src/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { generator } from '../ir/values.ts';

const folder = fileURLToPath(new URL('../../examples/programs/', import.meta.url));

function programOf(file: string): Program {
  return decodeProgram(encodeProgram(assemble(readFileSync(folder + file, 'utf8'), { file })));
}

/** Seeded whole numbers from −most to most for every input: their sums are exact in f16. */
function wholeInputs(program: Program, most: number): Map<string, Float64Array> {
  const random = generator(3);
  const whole = (): number => Math.round(most * (2 * random() - 1));
  const inputs = program.symbols.filter((s) => s.role === 'input');
  return new Map(inputs.map(({ name, shape }) => [name, Float64Array.from({ length: elementCount(shape) }, whole)]));
}

/** What the reference kernel of a layer kind makes of the program's inputs, rounded to f16. */
function reference(program: Program, inputs: ReadonlyMap<string, Values>, kind: string, attrs: Attrs): Float64Array {
  const given = program.symbols.filter((s) => s.role === 'input');
  const types: TensorType[] = program.symbols.filter((s) => s.role === 'output');
  const [values] = recordOf(kind).reference(
    given.map((s) => inputs.get(s.name) ?? expect.unreachable()),
    given,
    attrs,
    types,
  );
  return Float64Array.from(values ?? [], roundToHalf);
}

function halvesOf(result: RunResult, tensor: string): Float64Array {
  const { bytes } = result.readTensor(tensor);
  const view = new DataView(bytes.buffer);
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => fromHalfBits(view.getUint16(2 * i, true)));
}

describe('programs written by hand', () => {
  it.each(readdirSync(folder))('%s is read back from its disassembly', (file) => {
    expect(survivesAssembly(programOf(file))).toBe(true);
  });

  it.each(readdirSync(folder))('%s has no race, and stays within its places', (file) => {
    const program = programOf(file);
    expect(run(program, { mode: 'timing', check: true }).check?.findings).toEqual([]);
    // Without its tokens the order is gone.
    const code = program.code.map((instruction) => ({ ...instruction, wait: [], signal: [] }));
    expect(run({ ...program, code }, { mode: 'timing', check: true }).check?.findings).not.toEqual([]);
  });

  it('matmul.wvs multiplies matrices', () => {
    const program = programOf('matmul.wvs');
    const inputs = wholeInputs(program, 1);
    const result = run(program, { mode: 'functional', inputs });
    expect(verify(program, result)).toEqual({ ok: true, problems: [] });
    const [A, B] = [inputs.get('A') ?? expect.unreachable(), inputs.get('B') ?? expect.unreachable()];
    const [M, K, N] = [600, 300, 200];
    const product = Float64Array.from({ length: M * N }, (_, i) => {
      const [m, n] = [Math.floor(i / N), i % N];
      let sum = 0;
      for (let k = 0; k < K; k++) sum += (A[m * K + k] ?? 0) * (B[k * N + n] ?? 0);
      return sum;
    });
    expect(halvesOf(result, 'C')).toEqual(product);
  });

  it('conv.wvs is the reference convolution with padding and bias', () => {
    const program = programOf('conv.wvs');
    const inputs = wholeInputs(program, 2);
    const result = run(program, { mode: 'functional', inputs });
    expect(verify(program, result)).toEqual({ ok: true, problems: [] });
    expect(halvesOf(result, 'y')).toEqual(reference(program, inputs, 'conv', { pads: [1, 1, 1, 1] }));
  });

  it('stream.wvs is the reference softmax, and its units work at the same time', () => {
    const program = programOf('stream.wvs');
    const inputs = wholeInputs(program, 4);
    const result = run(program, { mode: 'functional', inputs });
    expect(verify(program, result)).toEqual({ ok: true, problems: [] });
    const expected = reference(program, inputs, 'softmax', {});
    const farthest = halvesOf(result, 'y').reduce((most, value, i) => Math.max(most, Math.abs(value - (expected[i] ?? 0))), 0);
    // One unit in the last place of the largest f16 below 1: sums in f32 against f64.
    expect(farthest).toBeLessThan(2 ** -11);
    const { dmaLoad, dmaStore, vector, dram } = result.units;
    expect(dram.busy).toBe(dmaLoad.busy + dmaStore.busy);
    expect(result.cycles).toBeLessThan(0.65 * (dmaLoad.busy + vector.busy + dmaStore.busy));
    expect(result.cycles).toBeGreaterThanOrEqual(Math.max(dram.busy, vector.busy));
  });
});
