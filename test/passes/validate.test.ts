import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { generate, resourcesOf } from '../../backends/wavecore/generate.ts';
import { evaluate } from '../../ir/interpret.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { align, type Resources, SCHEDULES } from '../../passes/mbs/schedule.ts';
import { blocksOf } from '../../passes/mbs/tiling.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { importModel } from '../../src/onnx/index.ts';
import {
  type Choices,
  farFrom,
  groups,
  inputsOf,
  KEEP,
  machineWith,
  optionsOf,
  run,
  runFunctional,
  tensorsIn,
  verify,
} from '../chain/execute.ts';
import { NetworkBuilder, residualNetwork } from '../chain/network.ts';
import { generator } from '../ir/values.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';
import { BREAKING, DARING, type Mutation } from './mutations.ts';

function scheduledOf(model: Uint8Array, choices: Choices): { scheduled: Scheduled; resources: Resources } {
  const options = optionsOf({ lossScale: 64, ...choices });
  const { scheduled } = runPipeline(importModel(model, { file: 'model', mode: choices.mode ?? 'training' }), options);
  return { scheduled: scheduled ?? expect.unreachable(), resources: options.resources };
}

/** Schedules with stripes, panels, chunks, short iterations, tensors that take over places, operands that are held, and all of them resident. */
function samples(): ReturnType<typeof scheduledOf>[] {
  const b = new NetworkBuilder([2, 6, 40, 40], 5);
  const striped = b.maxPool(b.relu(b.conv(b.relu(b.conv(b.input, 12, { kernel: 5, pad: 2 })), 12, { kernel: 3, pad: 1 })), {
    kernel: 2,
    stride: 2,
  });
  const residual = residualNetwork(5, 12, 12);
  return [
    ...SCHEDULES.map((schedule) => scheduledOf(residual, { schedule, norm: groups(4), machine: machineWith(40), optimizer: 'momentum' })),
    scheduledOf(residual, { schedule: 'mbs2', norm: KEEP, machine: machineWith(96), optimizer: 'sgd' }),
    scheduledOf(residual, { schedule: 'mbs1', norm: groups(4), machine: machineWith(40), gathers: true }),
    scheduledOf(residual, { schedule: 'opt', norm: groups(4), machine: machineWith(32), optimizer: 'momentum' }),
    scheduledOf(b.model(b.full(b.flatten(b.globalPool(striped)), 10)), { schedule: 'mbs2', machine: machineWith(32) }),
  ];
}

const problemsOf = ({ network, schedule }: Scheduled, resources: Resources) => validateSchedule(network, schedule, resources);

describe('schedules that the compiler makes', () => {
  it('are sound', () => {
    const settings = fc.record({
      network: randomNetwork,
      schedule: fc.constantFrom(...SCHEDULES),
      kib: fc.integer({ min: 64, max: 400 }),
      norm: fc.constantFrom(KEEP, groups(4)),
      mode: fc.constantFrom('training' as const, 'inference' as const),
    });
    fc.assert(
      fc.property(settings, ({ network, kib, ...choices }) => {
        const options = optionsOf({ ...choices, machine: machineWith(kib), optimizer: 'momentum' });
        const { scheduled } = runPipeline(buildNetwork(network, choices.mode), options);
        expect(problemsOf(scheduled ?? expect.unreachable(), options.resources)).toEqual([]);
      }),
      { numRuns: 80 },
    );
  });

  it('are sound in the smallest buffers, with stripes and panels', () => {
    for (const { scheduled, resources } of samples()) expect(problemsOf(scheduled, resources)).toEqual([]);
  });
});

/** Buffer of the schedules that are changed and run. */
const KIB = 64;

describe('schedules that are changed', () => {
  const all = samples();

  it.each(Object.entries(BREAKING))('cannot run when %s', (_what, mutate) => {
    let changed = 0;
    for (const { scheduled, resources } of all) {
      for (let seed = 0; seed < 24; seed++) {
        const schedule = mutated(scheduled, mutate, seed);
        if (schedule === undefined) continue;
        changed++;
        expect(validateSchedule(scheduled.network, schedule, resources).length, `seed ${seed}`).toBeGreaterThan(0);
      }
    }
    expect(changed).toBeGreaterThan(0);
  });

  it.each(Object.entries(DARING))('compute the same where %s and the check lets it pass', (_what, mutate) => {
    const { scheduled } = scheduledOf(residualNetwork(3, 8, 12), {
      schedule: 'mbs2',
      norm: groups(4),
      machine: machineWith(KIB),
      optimizer: 'momentum',
    });
    const { network } = scheduled;
    const inputs = inputsOf(network.graph);
    const expected = evaluate(network.graph, inputs, { round: 'f16' });
    // What no longer fits its place moves to the room behind.
    const machine = machineWith(2 * KIB);
    let runs = 0;
    for (let seed = 0; seed < 200 && runs < 5; seed++) {
      const changed = mutated(scheduled, mutate, seed);
      if (changed === undefined) continue;
      const schedule = withBlocks({ network, schedule: changed });
      if (validateSchedule(network, schedule, resourcesOf(machine)).length > 0) continue;
      runs++;
      const program = generate({ network, schedule }, { model: 'm', mode: 'training', machine });
      const compiled = { graph: network.graph, scheduled: { network, schedule }, program };
      const result = runFunctional(compiled, inputs);
      expect(verify(program, result).problems).toEqual([]);
      expect(run(program, { mode: 'timing', check: true }).check?.findings).toEqual([]);
      expect(farFrom(expected, tensorsIn(compiled, result), 5e-3)).toEqual([]);
    }
    expect(runs).toBeGreaterThan(0);
  });
});

/** A pick that always leads to the same place for a seed. */
function mutated({ schedule }: Scheduled, mutate: Mutation, seed: number): Scheduled['schedule'] | undefined {
  const random = generator(seed);
  return mutate(schedule, (count) => Math.floor(random() * Math.max(0, count)));
}

/** The schedule with the blocks that changed tilings and accesses ask for: where they were, or behind all where that is too small. */
function withBlocks({ network, schedule }: Scheduled): Scheduled['schedule'] {
  const views = new Map(network.layers.map((v) => [v.layer.name, v]));
  const groups = schedule.groups.map((group) => ({
    ...group,
    steps: group.steps.map((step) => {
      const view = views.get(step.layer);
      if (view === undefined) return step;
      let end = KIB * 1024;
      const blocks = blocksOf(view, step.inputs, step.outputs, group.subBatch, step).map((need) => {
        const had = step.blocks.find((b) => b.name === need.name && b.bytes >= need.bytes && b.halves === need.halves);
        if (had !== undefined) return had;
        const block = { ...need, address: end };
        end += align(need.bytes * need.halves);
        return block;
      });
      return { ...step, blocks };
    }),
  }));
  return { ...schedule, groups };
}
