import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { evaluate } from '../../ir/interpret.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { type Compiled, compileGraph, farFrom, groups, inputsOf, machineWith, runFunctional, tensorsIn, verify } from './execute.ts';
import { NetworkBuilder } from './network.ts';

const TOLERANCE = 5e-3;

const shape = fc
  .record({
    batch: fc.integer({ min: 1, max: 6 }),
    size: fc.integer({ min: 3, max: 12 }),
    groups: fc.constantFrom(1, 2, 3),
    depth: fc.integer({ min: 1, max: 5 }),
    columns: fc.integer({ min: 1, max: 5 }),
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    pad: fc.integer({ min: 0, max: 2 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    bias: fc.boolean(),
    schedule: fc.constantFrom(...SCHEDULES),
    kib: fc.constantFrom(24, 40, 10240),
  })
  .filter((s) => s.dilation * (s.kernel - 1) + 1 <= s.size + 2 * s.pad);

function compiled(s: typeof shape extends fc.Arbitrary<infer T> ? T : never): Compiled | undefined {
  const b = new NetworkBuilder([s.batch, 3, s.size, s.size], 5);
  const x = b.relu(b.conv(b.input, s.groups * s.depth, { kernel: 1 }));
  const y = b.conv(x, s.groups * s.columns, s, { groups: s.groups, bias: s.bias });
  const imported = importModel(b.model(b.full(b.flatten(b.relu(b.norm(y))), 10)), { file: 'random', mode: 'training' });
  try {
    return compileGraph(imported, { schedule: s.schedule, norm: groups(4), optimizer: 'sgd', lossScale: 64, machine: machineWith(s.kib) });
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics.every((d) => d.code === 'DOES_NOT_FIT')) return undefined;
    throw error;
  }
}

describe('training steps of random convolutions', () => {
  it('are those of the reference kernels within f16, their traffic as predicted', () => {
    let ran = 0;
    fc.assert(
      fc.property(shape, (s) => {
        const c = compiled(s);
        if (c === undefined) return;
        ran++;
        const inputs = inputsOf(c.graph);
        const result = runFunctional(c, inputs);
        expect(verify(c.program, result).problems).toEqual([]);
        expect(farFrom(evaluate(c.graph, inputs, { round: 'f16' }), tensorsIn(c, result), TOLERANCE)).toEqual([]);
      }),
      { numRuns: 60, seed: 8 },
    );
    expect(ran).toBeGreaterThan(40);
  });
});
