import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import type { Draft } from '../../passes/mbs/draft.ts';
import { Planner } from '../../passes/mbs/planner.ts';
import { Ranking } from '../../passes/mbs/ranking.ts';
import { accessesOf, POLICIES, usesOf } from '../../passes/mbs/residency.ts';
import { blocksOf, candidates, PENALTY_BYTES, trafficOf } from '../../passes/mbs/tiling.ts';
import { unitsOf } from '../../passes/mbs/units.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

const settings = fc.record({
  network: randomNetwork,
  schedule: fc.constantFrom('mbs1' as const, 'mbs2' as const),
  norm: fc.constantFrom(KEEP, groups(4)),
  kib: fc.integer({ min: 64, max: 400 }),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

function plannerFor({ network, schedule, norm, kib }: Settings): Planner {
  const options = optionsOf({ schedule, norm, machine: machineWith(kib), optimizer: 'sgd' });
  const { scheduled = expect.unreachable() } = runPipeline(buildNetwork(network), options);
  return new Planner(scheduled.network, usesOf(scheduled.network), resourcesOf(machineWith(kib)));
}

/** What the layers of a draft move by their own tilings and accesses. */
function movedBy(planner: Planner, { from, fits, accesses, subBatch }: Draft): number {
  return fits.reduce((sum, fit, i) => {
    const view = planner.network.layers[from + i] ?? expect.unreachable();
    const { bytes } = planner.tilings.movedIn(fit, view, accesses.inputs[i] ?? [], accesses.outputs[i] ?? [], subBatch);
    return sum + bytes;
  }, 0);
}

describe('the drafts of ranges', () => {
  it('move what their layers do, and reach the operands that these have, however they were found', () => {
    fc.assert(
      fc.property(settings, (given) => {
        const planner = plannerFor(given);
        const { layers } = planner.network;
        const policy = POLICIES[given.schedule];
        for (const phase of ['forward', 'backward'] as const) {
          const from = layers.findIndex((view) => view.phase === phase);
          const to = layers.findLastIndex((view) => view.phase === phase) + 1;
          const ends = [...unitsOf(planner.network, from, to).map((unit) => unit.from), to];
          ends.forEach((start, i) => {
            for (const end of ends.slice(i + 1)) {
              const draft = planner.tryDraft(start, end, policy);
              if (draft === undefined) continue;
              expect(movedBy(planner, draft)).toBe(draft.traffic);
              expect(draft.fits.length).toBe(end - start);
              draft.accesses.inputs.forEach((list, step) => {
                expect(list.map(({ tensor }) => tensor)).toEqual(layers[start + step]?.inputs.map(({ tensor }) => tensor));
              });
            }
          });
        }
      }),
      { numRuns: 12 },
    );
  });

  it('keep in the buffer what the residency of the range alone says, where nothing gives way', () => {
    fc.assert(
      fc.property(settings, (given) => {
        const planner = plannerFor(given);
        const { network, uses } = planner;
        const policy = POLICIES[given.schedule];
        for (const { index, phase } of network.layers) {
          const to = Math.min(index + 12, network.layers.findLastIndex((view) => view.phase === phase) + 1);
          const draft = phase === 'update' ? undefined : planner.serialized(index, to, policy);
          if (draft !== undefined) expect(draft.accesses).toEqual(accessesOf(network, uses, index, to, policy));
        }
      }),
      { numRuns: 12 },
    );
  });
});

describe('the ranking of tilings', () => {
  it('finds the same as a comparison of all', () => {
    fc.assert(
      fc.property(
        settings,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 100 }),
        fc.boolean(),
        (given, samples, percent, narrow) => {
          const { network, uses, resources } = plannerFor(given);
          const free = (resources.globalBytes * percent) / 100;
          for (const view of network.layers) {
            const { inputs, outputs } = accessesOf(network, uses, view.index, view.index + 1, 'none');
            const [reads = [], writes = []] = [inputs[0], outputs[0]];
            const all = [...candidates(view, reads, writes, samples, resources)].map((candidate, place) => {
              const bytes = blocksOf(view, reads, writes, samples, candidate).reduce(
                (sum, b) => sum + 64 * Math.ceil((b.bytes * b.halves) / 64),
                0,
              );
              const traffic = trafficOf(view, reads, writes, samples, candidate, resources);
              return { candidate, bytes, place, traffic, cost: traffic + PENALTY_BYTES * candidate.penalty };
            });
            const able = all.filter(({ candidate, bytes }) => bytes <= free && (narrow || !candidate.narrow));
            const [least] = able.sort((a, b) => a.cost - b.cost || a.place - b.place);
            const ranking = new Ranking({ view, inputs: reads, outputs: writes, samples, resources });
            // Asked twice: what is remembered may not change the answer.
            for (const bytes of [Number.POSITIVE_INFINITY, free]) ranking.best(bytes, narrow);
            const best = ranking.best(free, narrow);
            expect(best?.traffic).toBe(least?.traffic);
            expect(best?.chunk).toBe(least?.candidate.chunk);
            expect(best?.panel).toEqual(least?.candidate.panel);
          }
        },
      ),
      { numRuns: 20 },
    );
  });
});
