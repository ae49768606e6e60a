import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import {
  type Choices,
  type Compiled,
  compileGraph,
  farFrom,
  groups,
  inputsOf,
  KEEP,
  machineWith,
  runFunctional,
  smallestBuffer,
  tensorsIn,
  verify,
} from './execute.ts';
import { NetworkBuilder, residualNetwork } from './network.ts';

/** Euclidean distance, relative, from the reference kernels that round every f16 tensor as the core does. */
const TOLERANCE = 5e-3;

/** Compiles and runs a model, and compares all that is left in DRAM with the reference kernels, and the traffic with the prediction. */
function check(model: Uint8Array, choices: Choices): Compiled {
  const { mode = 'training' } = choices;
  const c = compileGraph(importModel(model, { file: 'model', mode }), { lossScale: 64, ...choices });
  const inputs = inputsOf(c.graph);
  const result = runFunctional(c, inputs);
  expect(verify(c.program, result).problems).toEqual([]);
  const values = tensorsIn(c, result);
  expect(values.size).toBeGreaterThan(0);
  expect(farFrom(evaluate(c.graph, inputs, { round: 'f16' }), values, TOLERANCE)).toEqual([]);
  return c;
}

function smallest(model: Uint8Array, choices: Choices, sizes: readonly number[]): number {
  return smallestBuffer(importModel(model, { file: 'model', mode: choices.mode ?? 'training' }), choices, sizes);
}

const SIZES = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024];

/** Wide layers: reductions and columns of several blocks of the array, and a fully connected layer of many inputs. */
function wideNetwork(batch: number): Uint8Array {
  const b = new NetworkBuilder([batch, 8, 8, 8], 3);
  const wide = b.relu(b.conv(b.input, 320, { kernel: 3, pad: 1 }, { bias: true }));
  const narrow = b.relu(b.conv(wide, 136, { kernel: 1 }));
  return b.model(b.full(b.flatten(b.maxPool(narrow, { kernel: 2, stride: 2 })), 150));
}

const steps = ({ scheduled }: Compiled) => scheduled.schedule.groups.flatMap((g) => g.steps);

describe('networks in small buffers', () => {
  it('a residual network, any schedule, mini-batch, normalization and buffer', () => {
    const choices = fc.record({
      schedule: fc.constantFrom(...SCHEDULES),
      batch: fc.constantFrom(1, 3, 5, 7),
      kib: fc.integer({ min: 24, max: 256 }),
      norm: fc.constantFrom(KEEP, groups(4), groups(6)),
      optimizer: fc.constantFrom('none' as const, 'sgd' as const, 'momentum' as const),
    });
    fc.assert(
      fc.property(choices, ({ batch, kib, ...rest }) => {
        check(residualNetwork(batch, 12, 12), { ...rest, machine: machineWith(kib) });
      }),
      { numRuns: 16, seed: 11 },
    );
  });

  it.each(['baseline', 'mbs2'] as const)('wide layers in the smallest buffer, %s', (schedule) => {
    const model = wideNetwork(5);
    const kib = smallest(model, { schedule }, SIZES);
    const c = check(model, { schedule, machine: machineWith(kib), optimizer: 'momentum' });
    const panels = steps(c).flatMap((s) => (s.panel === undefined ? [] : [{ ...s.panel, chunk: s.chunk }]));
    expect(panels.some((p) => p.n < 136)).toBe(true);
    expect(steps(c).some((s) => s.chunk < 5)).toBe(true);
  });

  it('wide layers in the smallest buffer, inference', () => {
    const model = wideNetwork(7);
    const choices = { schedule: 'mbs2', mode: 'inference' } as const;
    check(model, { ...choices, machine: machineWith(smallest(model, choices, SIZES)) });
  });

  it.each([52])('a short last sub-batch, of weight gradients by panels, %i KiB', (kib) => {
    const b = new NetworkBuilder([5, 8, 4, 4], 3);
    const x = b.relu(b.conv(b.input, 384, { kernel: 1 }, { bias: true }));
    const model = b.model(b.full(b.flatten(b.globalPool(b.relu(b.conv(x, 384, { kernel: 1 }, { bias: true })))), 10));
    const c = check(model, { schedule: 'mbs-fs', machine: machineWith(kib) });
    expect(c.scheduled.schedule.groups.some((g) => 5 % g.subBatch > 0)).toBe(true);
  });

  it('samples that do not fit are cut into stripes', () => {
    const b = new NetworkBuilder([2, 6, 40, 40], 5);
    const x = b.relu(b.norm(b.conv(b.input, 12, { kernel: 5, pad: 2 })));
    const y = b.maxPool(b.lrn(b.sum(x, b.conv(x, 12, { kernel: 3, pad: 1 }))), { kernel: 3, stride: 2, pad: 1 });
    const model = b.model(b.full(b.flatten(b.averagePool(y, { kernel: 3, stride: 2 })), 10));
    for (const norm of [KEEP, groups(4)]) {
      const choices = { schedule: 'mbs2', norm, optimizer: 'sgd' } as const;
      const c = check(model, { ...choices, machine: machineWith(smallest(model, choices, SIZES)) });
      expect(steps(c).some((s) => s.stripes !== undefined)).toBe(true);
    }
  });

  it('a fully connected layer of many inputs: the reduction is cut', () => {
    const b = new NetworkBuilder([3, 16, 32, 32], 7);
    const model = b.model(b.full(b.relu(b.full(b.flatten(b.relu(b.conv(b.input, 16, { kernel: 1 }))), 40)), 10));
    for (const schedule of ['baseline', 'mbs1'] as const) {
      for (const mode of ['training', 'inference'] as const) {
        const choices = { schedule, mode };
        const c = check(model, { ...choices, machine: machineWith(smallest(model, choices, [64, 128, 192, 256, 512])) });
        expect(steps(c).some((s) => s.panel !== undefined && s.panel.k < 16384)).toBe(true);
      }
    }
  });
});
