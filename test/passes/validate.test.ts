import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

const settings = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom(...SCHEDULES),
  kib: fc.integer({ min: 64, max: 400 }),
  norm: fc.constantFrom(KEEP, groups(4)),
  mode: fc.constantFrom('training' as const, 'inference' as const),
});

describe('schedules that the compiler makes', () => {
  it('are sound', () => {
    fc.assert(
      fc.property(settings, ({ network, kib, ...choices }) => {
        const options = optionsOf({ ...choices, machine: machineWith(kib), optimizer: 'momentum' });
        const { scheduled } = runPipeline(buildNetwork(network, choices.mode), options);
        const { network: view, schedule }: Scheduled = scheduled ?? expect.unreachable();
        expect(validateSchedule(view, schedule, options.resources)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
