import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { resolveSettings, runPasses } from '../../src/api.ts';
import { evaluated, NETWORKS } from '../../src/reproduce/networks.ts';

/** Every network of the evaluation with the method, and one that the search takes seconds for. */
const RUNS: readonly (readonly [network: string, schedule: ScheduleName])[] = [
  ...NETWORKS.map(({ name }) => [name, 'mbs2'] as const),
  ['resnet50', 'opt'],
];

it.each(RUNS)('the schedule of %s in full size can run: %s', (network, schedule) => {
  const model = readFileSync(new URL(`../../examples/models/${network}.train.onnx`, import.meta.url));
  const settings = resolveSettings({ batch: evaluated(network).batch, schedule });
  const { scheduled } = runPasses(model, settings);
  if (scheduled === undefined) return expect.unreachable();
  expect(scheduled.schedule.groups.length).toBeGreaterThan(2);
  expect(validateSchedule(scheduled.network, scheduled.schedule, settings.resources)).toEqual([]);
});
