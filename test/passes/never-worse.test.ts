import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { Planner } from '../../passes/mbs/planner.ts';
import { predictTraffic, totalBytes } from '../../passes/mbs/predict.ts';
import { POLICIES, usesOf } from '../../passes/mbs/residency.ts';
import { type GroupPhase, SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, type RandomNetwork, randomNetwork } from './graphs.ts';

interface Setting {
  readonly norm: NormChoice;
  readonly mode: 'training' | 'inference';
}

const setting = { norm: fc.constantFrom(KEEP, groups(4)), mode: fc.constantFrom('training' as const, 'inference' as const) };

function scheduleOf(graph: Graph, schedule: ScheduleName, kib: number, { norm, mode }: Setting, fusedUpdates = true): Scheduled {
  const options = optionsOf({ schedule, norm, mode, machine: machineWith(kib), optimizer: 'sgd', fusedUpdates });
  return runPipeline(graph, options).scheduled ?? expect.unreachable();
}

function trafficOf({ network, schedule }: Scheduled, kib: number, phase?: GroupPhase): number {
  const chosen = schedule.groups.filter((group) => phase === undefined || group.phase === phase);
  return totalBytes(predictTraffic(network, { ...schedule, groups: chosen }, resourcesOf(machineWith(kib))));
}

/** How much traffic may rise: a few bursts, which a tiling is allowed to move more for better overlap. */
const RISE = 1.0001;

describe('predicted traffic of random networks', () => {
  it('opt moves no more than mbs2, mbs2 than mbs1 and the baseline', () => {
    fc.assert(
      fc.property(
        fc.record({ ...setting, network: randomNetwork, kib: fc.integer({ min: 64, max: 400 }) }),
        ({ network, kib, ...rest }) => {
          const graph = buildNetwork(network, rest.mode);
          const of = (schedule: ScheduleName): number => trafficOf(scheduleOf(graph, schedule, kib, rest), kib);
          const mbs2 = of('mbs2');
          expect(of('opt')).toBeLessThanOrEqual(mbs2);
          expect(mbs2).toBeLessThanOrEqual(of('mbs1'));
          expect(mbs2).toBeLessThanOrEqual(of('baseline'));
        },
      ),
      { numRuns: 25 },
    );
  });

  it.each(SCHEDULES)('of %s does not rise with the buffer', (schedule) => {
    fc.assert(
      fc.property(fc.record({ ...setting, network: randomNetwork }), ({ network, ...rest }) => {
        const graph = buildNetwork(network, rest.mode);
        const swept = [64, 96, 144, 216, 324, 486, 729].map((kib) => trafficOf(scheduleOf(graph, schedule, kib, rest), kib));
        swept.forEach((bytes, i) => {
          expect(bytes).toBeLessThanOrEqual(RISE * (swept[i - 1] ?? bytes));
        });
      }),
      { numRuns: 6 },
    );
  });
});

/** Networks whose layers have tensors that a buffer holds a few samples of, so that groups differ in their sub-batches. */
const large = randomNetwork.map(
  (network: RandomNetwork): RandomNetwork => ({
    batch: network.batch + 4,
    size: 4 * network.size,
    channels: 2 * network.channels,
    layers: network.layers.slice(0, 4),
  }),
);

/** What single networks may lose, and all together: what crowds others out of the buffer is only looked for in the groups that are taken. */
const WORST = 1.01;
const MEAN = 1.0001;

describe('greedy grouping', () => {
  it('is as good as trying all groupings, or nearly so, where a phase has at most twelve units', () => {
    const ratios: number[] = [];
    const given = fc.record({
      ...setting,
      network: large,
      kib: fc.integer({ min: 640, max: 2400 }),
      schedule: fc.constantFrom('mbs1' as const, 'mbs2' as const),
    });
    fc.assert(
      fc.property(given, ({ network, kib, schedule, ...rest }) => {
        // Updates join groups that are made without them.
        const s = scheduleOf(buildNetwork(network, rest.mode), schedule, kib, rest, false);
        for (const phase of ['forward', 'backward'] as const) {
          const least = leastByGrouping(s, schedule, kib, phase);
          if (least !== undefined) ratios.push(trafficOf(s, kib, phase) / least);
        }
      }),
      { numRuns: 40, seed: 12 },
    );
    expect(ratios.length).toBeGreaterThan(20);
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...ratios)).toBeLessThan(WORST);
    expect(ratios.reduce((a, b) => a + b) / ratios.length).toBeLessThan(MEAN);
  });
});

/** The least traffic of a phase over all ways to cut its units into groups; undefined where there are none or too many. */
function leastByGrouping({ network }: Scheduled, schedule: ScheduleName, kib: number, phase: GroupPhase): number | undefined {
  const planner = new Planner(network, usesOf(network), resourcesOf(machineWith(kib)));
  const views = network.layers.filter((view) => view.phase === phase);
  const starts = views.filter((view, i) => view.unit !== views[i - 1]?.unit).map(({ index }) => index);
  if (starts.length === 0 || starts.length > 12) return undefined;
  const bounds = [...starts, (views.at(-1)?.index ?? 0) + 1];
  const from = (at: number): number => {
    if (at === starts.length) return 0;
    let least = Number.POSITIVE_INFINITY;
    for (let end = at + 1; end < bounds.length; end++) least = Math.min(least, costOf(bounds[at] ?? 0, bounds[end] ?? 0) + from(end));
    return least;
  };
  const costs = new Map<string, number>();
  const costOf = (start: number, end: number): number => {
    const key = `${start},${end}`;
    const draft = costs.has(key) ? undefined : planner.tryDraft(start, end, POLICIES[schedule]);
    const cost = costs.get(key) ?? (draft === undefined ? Number.POSITIVE_INFINITY : planner.refine(draft, POLICIES[schedule]).traffic);
    costs.set(key, cost);
    return cost;
  };
  return from(0);
}
