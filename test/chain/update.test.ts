import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../backends/wavecore/index.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { type Choices, type Compiled, compileGraph, groups, inputsOf, machineWith, optionsOf, run, verify } from './execute.ts';
import { NetworkBuilder, residualNetwork } from './network.ts';

const STEPS = 2;

/** Steps and layers that end in an update. */
const updating = ({ scheduled }: Compiled) =>
  scheduled.schedule.groups.flatMap((group) =>
    group.steps.flatMap((step) => {
      const view = scheduled.network.layers.find(({ layer }) => layer.name === step.layer);
      return view?.update === undefined ? [] : [{ ...step, view, group }];
    }),
  );

/** Bytes of parameters and optimizer state after some steps. */
function parametersOf({ graph, program, scheduled }: Compiled): Map<string, string> {
  const { storages } = scheduled.network;
  const names = new Set([...graph.tensors.values()].flatMap(({ storage }) => (storage === undefined ? [] : [storages.of(storage).name])));
  const core = new Interpreter(program);
  for (let step = 0; step < STEPS; step++) {
    const inputs = step === 0 ? [...inputsOf(graph)].map(([name, value]) => [storages.of(name).name, value] as const) : [];
    core.run(new Map(inputs));
  }
  return new Map([...names].map((name) => [name, Buffer.from(core.readTensor(name).bytes).toString('base64')]));
}

/** Compiles with the gradients on chip until their update and through DRAM: all parameters and states are the same to the bit. */
function check(model: Uint8Array, choices: Choices): Compiled {
  const imported = importModel(model, { file: 'model', mode: 'training' });
  const [apart, joined] = [false, true].map((keepsGradients) => compileGraph(imported, { lossScale: 64, ...choices, keepsGradients }));
  if (apart === undefined || joined === undefined) return expect.unreachable();
  expect(updating(apart)).toEqual([]);
  const { network, schedule } = joined.scheduled;
  expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
  expect(survivesAssembly(joined.program)).toBe(true);
  const result = run(joined.program, { mode: 'functional', inputs: inputsOf(joined.graph), check: true });
  expect(result.check?.findings).toEqual([]);
  expect(verify(joined.program, result).problems).toEqual([]);
  const timing = run(joined.program, { mode: 'timing' });
  expect([timing.cycles, timing.energy]).toEqual([result.cycles, result.energy]);
  expect(timing.traffic.total).toBeLessThanOrEqual(run(apart.program, { mode: 'timing' }).traffic.total);
  const [expected, computed] = [parametersOf(apart), parametersOf(joined)];
  expect(expected.size).toBeGreaterThan(3);
  for (const [name, bytes] of expected) expect(bytes === computed.get(name), name).toBe(true);
  return joined;
}

describe('weight gradients that stay on chip until their update', () => {
  it('a residual network: the same bits with any update, schedule, mini-batch and buffer', () => {
    const choices = fc.record({
      schedule: fc.constantFrom('il' as const, 'mbs-fs' as const, 'mbs1' as const, 'mbs2' as const, 'opt' as const),
      batch: fc.constantFrom(1, 3, 5, 7),
      kib: fc.integer({ min: 28, max: 256 }),
      optimizer: fc.constantFrom('sgd' as const, 'momentum' as const, 'adam' as const, 'adamw' as const),
      nesterov: fc.boolean(),
    });
    let fused = 0;
    fc.assert(
      fc.property(choices, ({ batch, kib, ...rest }) => {
        fused += updating(check(residualNetwork(batch, 12, 12), { ...rest, norm: groups(4), machine: machineWith(kib) })).length;
      }),
      { numRuns: 12, seed: 5 },
    );
    expect(fused).toBeGreaterThan(12);
  });
});
