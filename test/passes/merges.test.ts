import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Merge } from '../../passes/mbs/merge.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

const settings = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom('mbs1' as const, 'mbs2' as const),
  kib: fc.integer({ min: 64, max: 200 }),
});

describe('the merges that the grouping considered', () => {
  it('are decided once each, the best of every round is taken, and what remains is what was refused', () => {
    fc.assert(
      fc.property(settings, ({ network, schedule, kib }) => {
        const options = optionsOf({ schedule, norm: groups(4), machine: machineWith(kib), optimizer: 'sgd' });
        const { scheduled = expect.unreachable() } = runPipeline(buildNetwork(network), options);
        const merges = scheduled.merges ?? expect.unreachable();
        const keys = merges.map((m) => m.sides.map(({ first, last }) => `${first} ${last}`).join());
        expect(new Set(keys).size).toBe(keys.length);
        for (const m of merges) {
          const net = m.saves - m.costs;
          if (m.outcome === 'does not fit') expect(m).toMatchObject({ saves: 0, costs: 0 });
          else expect(net > 0).toBe(m.outcome !== 'saves nothing');
        }
        for (const phase of ['forward', 'backward'] as const) {
          const mine = merges.filter((m) => m.phase === phase);
          const taken = mine.filter((m) => m.outcome === 'taken');
          expect(taken.map((m) => m.round)).toEqual(taken.map((_, i) => i + 1));
          for (const m of mine.filter((o) => o.outcome === 'overtaken')) {
            const winner = taken[m.round - 1] ?? expect.unreachable();
            if (m.sides.length === winner.sides.length) expect(winner.saves - winner.costs).toBeGreaterThanOrEqual(m.saves - m.costs);
            expect(shareGroup(m, winner)).toBe(true);
          }
          const borders = scheduled.schedule.groups.filter((g) => g.phase === phase).slice(1);
          for (const { steps } of borders) {
            const refused = mine.filter((m) => m.sides.length === 2 && m.sides[1]?.first === steps[0]?.layer);
            expect(refused.at(-1)?.outcome).toMatch(/saves nothing|does not fit/);
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('are none where groups are not made by merging', () => {
    const network = { batch: 2, size: 8, channels: 4, layers: ['relu' as const] };
    for (const schedule of ['baseline', 'il', 'mbs-fs'] as const) {
      const { scheduled } = runPipeline(buildNetwork(network), optionsOf({ schedule }));
      expect(scheduled?.merges).toEqual([]);
    }
  });
});

function shareGroup(a: Merge, b: Merge): boolean {
  return a.sides.some(({ first }) => b.sides.some((side) => side.first === first));
}
