import { describe, expect, it } from 'vitest';
import { recordOf } from '../../ir/layers/index.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import type { Network } from '../../passes/mbs/network.ts';
import { worthGathering } from '../../passes/mbs/opt/gathered.ts';
import { type Estimate, type Measure, Timer } from '../../passes/mbs/opt/timer.ts';
import type { Group } from '../../passes/mbs/schedule.ts';
import { type Choices, compileGraph, groups, machineWith, optionsOf } from './execute.ts';
import { importedNetworks } from './modules.ts';

const graph = importedNetworks(8)('residual');
const choices = { schedule: 'mbs2', norm: groups(8), machine: machineWith(64) } as const satisfies Choices;
const { resources } = optionsOf(choices);
const scheduledWith = (gathers: boolean): Scheduled => compileGraph(graph, { ...choices, gathers }).scheduled;
const [plain, gathered] = [scheduledWith(false), scheduledWith(true)];

/** Products that gather, of a group of a network, or of all. */
function gathering({ layers }: Network, group?: Group): string[] {
  const own = new Set(group?.steps.map(({ layer }) => layer));
  const isGathering = ({ layer, matrix }: Network['layers'][number]): boolean =>
    matrix !== undefined && recordOf(layer.kind).outputs.some(({ name }) => name === 'stats');
  return layers.filter((view) => isGathering(view) && (group === undefined || own.has(view.layer.name))).map(({ layer }) => layer.name);
}

/** Groups take a thousand cycles, and so many times as long where they gather. */
const timesIfGathered =
  (factor: number): Estimate =>
  (network, group) =>
    1000 * (gathering(network, group).length > 0 ? factor : 1);

const chosen = (estimate: Estimate, measure?: Measure): string[] =>
  [...worthGathering(plain, gathered, { resources, timer: new Timer(estimate, (_, group) => group, measure) })].sort();

describe('statistics are gathered', () => {
  const all = gathering(gathered.network).sort();

  it('in the groups that are estimated to take less time with it', () => {
    expect(all.length).toBeGreaterThan(2);
    expect(gathering(plain.network)).toEqual([]);
    expect(chosen(timesIfGathered(0.9))).toEqual(all);
    expect(chosen(timesIfGathered(1.1))).toEqual([]);
  });

  it('in those of them alone', () => {
    const [first = ''] = all;
    const only: Estimate = (network, group) => timesIfGathered(gathering(network, group).includes(first) ? 0.9 : 1.1)(network, group);
    const own = gathered.schedule.groups.map((group) => gathering(gathered.network, group)).find((products) => products.includes(first));
    expect(chosen(only)).toEqual(own?.sort());
    expect(own?.length).toBeLessThan(all.length);
  });

  it('where measuring says so, if estimates are close', () => {
    const measure =
      (factor: number): Measure =>
      ({ network, schedule }) =>
        schedule.groups.reduce((sum, group) => sum + timesIfGathered(factor)(network, group), 0);
    expect(chosen(timesIfGathered(1.01), measure(0.5))).toEqual(all);
    expect(chosen(timesIfGathered(0.99), measure(2))).toEqual([]);
    expect(chosen(timesIfGathered(0.9), measure(2))).toEqual(all);
  });
});
