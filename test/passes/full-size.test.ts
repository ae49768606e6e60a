import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { predictTraffic, totalBytes } from '../../passes/mbs/predict.ts';
import type { Resources, ScheduleName } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { resolveSettings, runPasses } from '../../src/api.ts';
import { evaluated, NETWORKS } from '../../src/reproduce/networks.ts';

/** Every network of the evaluation with the method, and one that the search takes seconds for. */
const RUNS: readonly (readonly [network: string, schedule: ScheduleName])[] = [
  ...NETWORKS.map(({ name }) => [name, 'mbs2'] as const),
  ['resnet50', 'opt'],
];

function scheduleOf(network: string, schedule: ScheduleName, norm?: NormChoice): Scheduled & { readonly resources: Resources } {
  const model = readFileSync(new URL(`../../examples/models/${network}.train.onnx`, import.meta.url));
  const settings = resolveSettings({ batch: evaluated(network).batch, schedule, ...(norm === undefined ? {} : { norm }) });
  const { scheduled } = runPasses(model, settings);
  return { ...(scheduled ?? expect.unreachable()), resources: settings.resources };
}

it.each(RUNS)('the schedule of %s in full size can run: %s', (name, of) => {
  const { network, schedule, resources } = scheduleOf(name, of);
  expect(schedule.groups.length).toBeGreaterThan(2);
  expect(validateSchedule(network, schedule, resources)).toEqual([]);
});

it('mbs2 moves no more than mbs1 where ResNet-50 keeps batch normalization, which parts its groups', () => {
  const bytes = (of: ScheduleName): number => {
    const { network, schedule, resources } = scheduleOf('resnet50', of, { kind: 'keep' });
    return totalBytes(predictTraffic(network, schedule, resources));
  };
  expect(bytes('mbs2')).toBeLessThanOrEqual(bytes('mbs1'));
});
