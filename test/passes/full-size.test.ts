import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { type Scheduled, scheduleGraph } from '../../passes/mbs/index.ts';
import { withPanelsKept } from '../../passes/mbs/opt/kept-panels.ts';
import { withSlices } from '../../passes/mbs/opt/slices.ts';
import { predictTraffic, totalBytes } from '../../passes/mbs/predict.ts';
import type { Group, Resources, Schedule, ScheduleName } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { type ResolvedSettings, resolveSettings, runPasses } from '../../src/api.ts';
import { evaluated, NETWORKS } from '../../src/reproduce/networks.ts';

/** Every network of the evaluation with the method, and one that the search takes seconds for. */
const RUNS: readonly (readonly [network: string, schedule: ScheduleName])[] = [
  ...NETWORKS.map(({ name }) => [name, 'mbs2'] as const),
  ['resnet50', 'opt'],
];

/** MiB. */
const BUFFERS = [5, 10, 20, 30, 40];

function readModel(network: string): Buffer {
  return readFileSync(new URL(`../../examples/models/${network}.train.onnx`, import.meta.url));
}

function scheduleOf(network: string, schedule: ScheduleName, norm?: NormChoice): Scheduled & { readonly resources: Resources } {
  const settings = resolveSettings({ batch: evaluated(network).batch, schedule, ...(norm === undefined ? {} : { norm }) });
  const { scheduled } = runPasses(readModel(network), settings);
  return { ...(scheduled ?? expect.unreachable()), resources: settings.resources };
}

function trainingOf(network: string, schedule: ScheduleName): { readonly graph: Graph; readonly settings: ResolvedSettings } {
  const settings = resolveSettings({ batch: evaluated(network).batch, schedule });
  return { graph: runPasses(readModel(network), settings, { stopAfter: 'training' }).graph, settings };
}

it.each(RUNS)('the schedule of %s in full size can run: %s', (name, of) => {
  const { network, schedule, resources } = scheduleOf(name, of);
  expect(schedule.groups.length).toBeGreaterThan(2);
  expect(validateSchedule(network, schedule, resources)).toEqual([]);
});

it('panels that stay on chip move as much, and slices hardly more, as they do as a whole', () => {
  const counts = { kept: 0, sliced: 0 };
  for (const of of ['mbs-fs', 'mbs1', 'mbs2'] as const) {
    const { network, schedule, resources } = scheduleOf('resnet50', of);
    const alone = (group: Group): Schedule => ({ ...schedule, groups: [group] });
    const bytes = (group: Group): number => totalBytes(predictTraffic(network, alone(group), resources));
    const problems = (at: number, group: Group) =>
      validateSchedule(network, { ...schedule, groups: schedule.groups.with(at, group) }, resources);
    schedule.groups.forEach((group, at) => {
      const kept = withPanelsKept(network, group, resources);
      if (kept !== undefined) {
        counts.kept += kept.steps.filter(({ panel }) => panel?.kept).length;
        expect([problems(at, kept), bytes(kept)]).toEqual([[], bytes(group)]);
      }
      const sliced = withSlices(network, group, resources);
      if (sliced !== undefined) {
        counts.sliced += sliced.steps.filter(({ panel }) => panel?.sliced).length;
        expect([problems(at, sliced), bytes(sliced) / bytes(group) < 1.001]).toEqual([[], true]);
      }
    });
  }
  expect([counts.kept > 100, counts.sliced > 10]).toEqual([true, true]);
});

it('mbs2 moves no more than mbs1 where ResNet-50 keeps batch normalization, which parts its groups', () => {
  const bytes = (of: ScheduleName): number => {
    const { network, schedule, resources } = scheduleOf('resnet50', of, { kind: 'keep' });
    return totalBytes(predictTraffic(network, schedule, resources));
  };
  expect(bytes('mbs2')).toBeLessThanOrEqual(bytes('mbs1'));
});

/** The network whose layers need most of the buffer, under the schedules of the method; ALL_NETWORKS adds the others, and the search on one network. */
const SWEPT: readonly (readonly [network: string, schedule: ScheduleName, mebibytes: readonly number[]])[] = [
  ...(['mbs1', 'mbs2'] as const).map((of) => ['inception_v4', of, BUFFERS] as const),
  ...(process.env.ALL_NETWORKS === undefined
    ? []
    : [
        ...(['archopt', 'il', 'mbs-fs'] as const).map((of) => ['inception_v4', of, BUFFERS] as const),
        ['resnet50', 'opt', BUFFERS] as const,
      ]),
];
/** The search takes some minutes. */
const SWEEP_TIMEOUT = 900_000;

it.each(SWEPT)('traffic of %s under %s does not rise with the buffer: %j MiB', { timeout: SWEEP_TIMEOUT }, (name, of, buffers) => {
  const { graph, settings } = trainingOf(name, of);
  const swept = buffers.map((mib) => {
    const resources = { ...settings.resources, globalBytes: mib * 2 ** 20 };
    const { network, schedule } = scheduleGraph(graph, of, resources, settings);
    return totalBytes(predictTraffic(network, schedule, resources));
  });
  expect(swept).toEqual([...swept].sort((a, b) => b - a));
});
