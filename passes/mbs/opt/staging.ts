import type { LayerView, Network } from '../network.ts';
import type { Group, Resources } from '../schedule.ts';
import { stepAmountsOf } from './work.ts';

/** Stages that are tried, by their number. */
const MOST_STAGES = 4;

/** First steps of the units of a group behind the first. */
export function cutsOf({ steps }: Group, views: ReadonlyMap<string, LayerView>): number[] {
  const unitOf = (step: number): number | undefined => views.get(steps[step]?.layer ?? '')?.unit;
  return steps.flatMap((_, i) => (i > 0 && unitOf(i) !== unitOf(i - 1) ? [i] : []));
}

/** Ways to cut a group, between units, into stages that take about as long as each other: by the first steps of those behind the first. */
export function stagings(network: Network, group: Group, views: ReadonlyMap<string, LayerView>, resources: Resources): number[][] {
  const cycles = stepAmountsOf(network, group, resources).map(({ matrix, vector }) => Math.max(matrix, vector));
  const total = cycles.reduce((a, b) => a + b, 0);
  const possible = new Set(cutsOf(group, views));
  const ways: number[][] = [];
  for (let count = 2; count <= MOST_STAGES; count++) {
    const cuts: number[] = [];
    let sum = 0;
    cycles.forEach((own, i) => {
      if (possible.has(i) && cuts.length < count - 1 && sum >= (total * (cuts.length + 1)) / count) cuts.push(i);
      sum += own;
    });
    if (cuts.length === count - 1) ways.push(cuts);
  }
  return ways;
}
