import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import { predictTraffic } from '../../passes/mbs/predict.ts';
import { type Group, SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, type RandomNetwork, randomNetwork } from './graphs.ts';

function scheduleOf(network: RandomNetwork, schedule: ScheduleName, kib: number, grouped = true): Scheduled {
  const norm = grouped ? groups(4) : KEEP;
  return (
    runPipeline(buildNetwork(network), optionsOf({ schedule, norm, machine: machineWith(kib), optimizer: 'momentum' })).scheduled ??
    expect.unreachable()
  );
}

function trafficOf({ network, schedule }: Scheduled): number {
  const layers = Object.values(predictTraffic(network, schedule, resourcesOf(machineWith(400))));
  return layers.flatMap((kinds) => Object.values(kinds)).reduce((sum, bytes) => sum + bytes.read + bytes.write, 0);
}

/** Everything that lies in the global buffer at one step: resident tensors and blocks. */
function occupied(group: Group, step: number): { name: string; from: number; to: number }[] {
  const residents = group.residents
    .filter((r) => r.from <= step && step <= r.to)
    .map((r) => ({ name: r.tensor, from: r.address, to: r.address + r.bytes }));
  const blocks = (group.steps[step]?.blocks ?? []).map((b) => ({ name: b.name, from: b.address, to: b.address + b.bytes * b.halves }));
  return [...residents, ...blocks];
}

/** A tensor that takes over the place of an operand whose last use this is lies where the operand lies. */
function takesOver({ network }: Scheduled, group: Group, step: number, a: string, b: string): boolean {
  const view = network.layers.find((v) => v.layer.name === group.steps[step]?.layer);
  const donors = view?.record.inPlace?.map((index) => view.inputs[index]?.tensor) ?? [];
  const result = view?.outputs[0]?.tensor;
  const ends = (tensor: string): boolean => group.residents.some((r) => r.tensor === tensor && r.to === step);
  return (b === result && donors.includes(a) && ends(a)) || (a === result && donors.includes(b) && ends(b));
}

const settings = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom(...SCHEDULES),
  kib: fc.integer({ min: 64, max: 400 }),
  grouped: fc.boolean(),
});

describe('schedules of random networks', () => {
  it('every layer runs once, in order, on the whole mini-batch', () => {
    fc.assert(
      fc.property(settings, ({ network, schedule, kib, grouped }) => {
        const s = scheduleOf(network, schedule, kib, grouped);
        expect(s.schedule.groups.flatMap((g) => g.steps.map((step) => step.layer))).toEqual(s.network.layers.map((v) => v.layer.name));
        for (const group of s.schedule.groups) {
          expect(group.iterations).toBe(Math.ceil(network.batch / group.subBatch));
          expect(new Set(group.steps.map((step) => s.network.layers.find((v) => v.layer.name === step.layer)?.phase))).toEqual(
            new Set(group.phase === 'turn' ? ['forward', 'backward'] : [group.phase]),
          );
          const crosses = group.steps.some((step) => s.network.layers.find((v) => v.layer.name === step.layer)?.crossesSamples);
          if (crosses) expect(group.subBatch).toBe(network.batch);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('what lies in the buffer at the same time never overlaps, and fits', () => {
    fc.assert(
      fc.property(settings, ({ network, schedule, kib, grouped }) => {
        const s = scheduleOf(network, schedule, kib, grouped);
        for (const group of s.schedule.groups) {
          group.steps.forEach((step, i) => {
            expect(step.footprint).toBeLessThanOrEqual(kib * 1024);
            const ranges = occupied(group, i);
            ranges.forEach((a, at) => {
              expect(a.from).toBeGreaterThanOrEqual(0);
              expect(a.to).toBeLessThanOrEqual(kib * 1024);
              for (const b of ranges.slice(at + 1)) {
                const apart = a.to <= b.from || b.to <= a.from;
                expect(apart || takesOver(s, group, i, a.name, b.name), `${step.layer}: ${a.name} and ${b.name}`).toBe(true);
              }
            });
          });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('an operand on chip has been put there before, in the same group', () => {
    fc.assert(
      fc.property(settings, ({ network, schedule, kib, grouped }) => {
        const s = scheduleOf(network, schedule, kib, grouped);
        for (const group of s.schedule.groups) {
          const there = new Set<string>();
          for (const step of group.steps) {
            for (const a of step.inputs) {
              if (a.mode === 'load') there.add(a.tensor);
              if (a.mode === 'resident') expect(there, step.layer).toContain(a.tensor);
            }
            for (const a of step.outputs) if (a.mode === 'resident') there.add(a.tensor);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('serialization does not raise predicted traffic', () => {
    fc.assert(
      fc.property(randomNetwork, fc.integer({ min: 64, max: 400 }), (network, kib) => {
        const baseline = trafficOf(scheduleOf(network, 'baseline', kib));
        expect(trafficOf(scheduleOf(network, 'il', kib))).toBeLessThanOrEqual(baseline);
        expect(trafficOf(scheduleOf(network, 'mbs1', kib))).toBeLessThanOrEqual(baseline);
        expect(trafficOf(scheduleOf(network, 'mbs2', kib))).toBeLessThanOrEqual(baseline);
      }),
      { numRuns: 30 },
    );
  });

  it('never separates the layers of one unit', () => {
    fc.assert(
      fc.property(
        randomNetwork,
        fc.constantFrom('mbs-fs' as const, 'mbs1' as const, 'mbs2' as const),
        fc.integer({ min: 64, max: 400 }),
        (network, schedule, kib) => {
          const s = scheduleOf(network, schedule, kib);
          const groupOf = new Map(s.schedule.groups.flatMap((g, i) => g.steps.map((step) => [step.layer, i] as const)));
          const units = new Map<number, Set<number | undefined>>();
          for (const view of s.network.layers) {
            if (view.phase === 'update') continue;
            const seen = units.get(view.unit) ?? new Set();
            units.set(view.unit, seen.add(groupOf.get(view.layer.name)));
          }
          for (const [unit, seen] of units) expect(seen.size, `unit ${unit}`).toBe(1);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('views of shape alone are no steps', () => {
    const s = scheduleOf({ batch: 2, size: 8, channels: 4, layers: ['relu'] }, 'mbs2', 256);
    for (const view of s.network.layers) expect(recordOf(view.layer.kind).unit).not.toBe('alias');
    expect(s.network.graph.layers.length).toBeGreaterThan(s.network.layers.length);
  });
});
