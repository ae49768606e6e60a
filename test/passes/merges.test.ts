import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import { Cuts } from '../../passes/mbs/cut.ts';
import { mergeGreedily, mergeOf } from '../../passes/mbs/greedy.ts';
import { demandsOf, initialRanges } from '../../passes/mbs/initial.ts';
import type { Merge } from '../../passes/mbs/merge.ts';
import { Planner } from '../../passes/mbs/planner.ts';
import { POLICIES, usesOf } from '../../passes/mbs/residency.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

const settings = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom('mbs1' as const, 'mbs2' as const),
  kib: fc.integer({ min: 64, max: 200 }),
  share: fc.constantFrom(1, 1 / 2, 1 / 4),
});

describe('the merges that the grouping considered', () => {
  it('are decided once each, the best of every round is taken, and what remains is what was refused', () => {
    fc.assert(
      fc.property(settings, ({ network, schedule, kib, share }) => {
        const options = optionsOf({ schedule, norm: groups(4), machine: machineWith(kib), optimizer: 'sgd' });
        const { scheduled = expect.unreachable() } = runPipeline(buildNetwork(network), options);
        const { layers } = scheduled.network;
        const planner = new Planner(scheduled.network, usesOf(scheduled.network), resourcesOf(machineWith(kib)));
        for (const phase of ['forward', 'backward'] as const) {
          const from = layers.findIndex((view) => view.phase === phase);
          const to = layers.findLastIndex((view) => view.phase === phase) + 1;
          const ranges = initialRanges(planner, demandsOf(planner, from, to, POLICIES[schedule]), share);
          const { drafts, decisions } = mergeGreedily(planner, ranges, POLICIES[schedule], new Cuts(planner, POLICIES[schedule]));
          const merges = decisions.map((decision) => mergeOf(scheduled.network, decision));
          checkEach(merges);
          checkRounds(merges);
          for (const draft of drafts.slice(1)) {
            const first = layers[draft.from]?.layer.name;
            const refused = merges.filter((m) => m.sides.length === 2 && m.sides[1]?.first === first);
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

/** Each merge is decided once, and taken or overtaken only where it saves. */
function checkEach(merges: readonly Merge[]): void {
  const keys = merges.map((m) => m.sides.map(({ first, last }) => `${first} ${last}`).join());
  expect(new Set(keys).size).toBe(keys.length);
  for (const m of merges) {
    if (m.outcome === 'does not fit') expect(m).toMatchObject({ saves: 0, costs: 0 });
    else expect(m.saves - m.costs > 0).toBe(m.outcome !== 'saves nothing');
  }
}

/** Each round takes one merge, and of those of as many groups none that would save more shares a group with it. */
function checkRounds(merges: readonly Merge[]): void {
  const taken = merges.filter((m) => m.outcome === 'taken');
  const rounds = new Map(taken.map((m) => [m.round, m]));
  expect(rounds.size).toBe(taken.length);
  for (const m of merges.filter((o) => o.outcome === 'overtaken')) {
    const winner = rounds.get(m.round) ?? expect.unreachable();
    if (m.sides.length === winner.sides.length) expect(winner.saves - winner.costs).toBeGreaterThanOrEqual(m.saves - m.costs);
    expect(shareGroup(m, winner)).toBe(true);
  }
}

function shareGroup(a: Merge, b: Merge): boolean {
  return a.sides.some(({ first }) => b.sides.some((side) => side.first === first));
}
