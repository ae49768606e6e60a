import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resourcesOf } from '../../backends/wavecore/generate.ts';
import type { Graph } from '../../ir/graph.ts';
import { accumulateEarly } from '../../passes/mbs/accumulate.ts';
import { pairsOf } from '../../passes/mbs/fuse-update.ts';
import { type Network, networkOf } from '../../passes/mbs/network.ts';
import { Evaluator } from '../../passes/mbs/opt/evaluate.ts';

import { optimize } from '../../passes/mbs/opt/index.ts';
import { Parts } from '../../passes/mbs/opt/parts.ts';
import { positionsOf } from '../../passes/mbs/opt/positions.ts';
import { Search } from '../../passes/mbs/opt/search.ts';
import { orderByLiveness } from '../../passes/mbs/order.ts';
import { Planner } from '../../passes/mbs/planner.ts';

import { predictTraffic, totalBytes } from '../../passes/mbs/predict.ts';
import { usesOf } from '../../passes/mbs/residency.ts';
import type { Resources, Schedule } from '../../passes/mbs/schedule.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { groups, KEEP, machineWith, optionsOf } from '../chain/execute.ts';
import { leastTraffic } from './exhaustive.ts';
import { buildNetwork, type RandomNetwork, randomNetwork } from './graphs.ts';

const traffic = (amount: { readonly traffic: number }): number => amount.traffic;

const sizes = {
  kib: fc.integer({ min: 48, max: 256 }),
  norm: fc.constantFrom(KEEP, groups(4)),
  mode: fc.constantFrom('training' as const, 'training' as const, 'inference' as const),
};

const settings = fc.record({
  ...sizes,
  network: randomNetwork.map(
    (network): RandomNetwork => ({ ...network, batch: Math.min(4, network.batch), layers: network.layers.slice(0, 3) }),
  ),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

/** A step as the search sees it. */
function networkFor(
  { network, kib, norm, mode }: Settings,
  optimizer: 'none' | 'momentum' = 'none',
): { readonly network: Network; readonly resources: Resources } {
  const options = optionsOf({ schedule: 'opt', norm, mode, optimizer, machine: machineWith(kib) });
  const graph: Graph = runPipeline(buildNetwork(network, mode), options, { stopAfter: 'training' }).graph;
  return { network: networkOf(accumulateEarly(orderByLiveness(graph)), 1), resources: resourcesOf(machineWith(kib)) };
}

describe('the search of opt', () => {
  it('finds what trying everything finds, on random networks of at most seven positions', () => {
    let compared = 0;
    let joined = 0;
    const compare = (optimizer: 'none' | 'momentum'): void => {
      const property = fc.property(settings, (given) => {
        const { network, resources } = networkFor(given, optimizer);
        const positions = positionsOf(network);
        fc.pre(positions.all.length <= 7);
        const pairs = pairsOf(network.graph);
        joined += pairs.length;
        const parts = new Parts(network, positions, pairs);
        const evaluator = new Evaluator(new Planner(network, usesOf(network), resources), pairs);
        expect(new Search(parts, evaluator, traffic).run()?.cost).toBe(leastTraffic(parts, evaluator, 40));
        compared++;
      });
      fc.assert(property, { numRuns: 6 });
    };
    compare('none');
    compare('momentum');
    expect(compared).toBe(12);
    expect(joined).toBeGreaterThan(0);
  });

  it('costs what the schedule moves, up to the bursts of results that are stored beside staying on chip', () => {
    let exact = 0;
    let joined = 0;
    fc.assert(
      fc.property(fc.record({ ...sizes, network: randomNetwork }), fc.boolean(), (given, joins) => {
        const { network, resources } = networkFor(given, joins ? 'momentum' : 'none');
        const pairs = pairsOf(network.graph);
        const optimum = optimize(network, resources, 'traffic', pairs);
        if (optimum === undefined) return;
        const { choices, cost } = optimum;
        // It costs what updates move that could be joined to their gradients, and are not.
        const planner = new Planner(optimum.network, usesOf(optimum.network), resources);
        const left = optimum.network.layers.filter(({ layer }) => pairs.some(({ update }) => update === layer.name));
        const apart = left.map(({ index }) => planner.place(planner.wholeBatch(index, index + 1, 'none'), 'none'));
        joined += pairs.length - left.length;
        const schedule: Schedule = { name: 'opt', doubleBufferWeights: true, groups: [...optimum.groups, ...apart] };
        const more = totalBytes(predictTraffic(optimum.network, schedule, resources)) - cost;
        expect(more).toBeGreaterThanOrEqual(0);
        expect(more).toBeLessThan(resources.burstBytes * network.batch * Math.max(1, choices.length));
        if (more === 0) exact++;
      }),
      { numRuns: 25 },
    );
    expect(exact).toBeGreaterThan(10);
    expect(joined).toBeGreaterThan(0);
  });
});
