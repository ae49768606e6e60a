import type { Scheduled } from '../index.ts';
import type { Group } from '../schedule.ts';
import { type TimeModel, Ways } from './ways.ts';

/** Estimates that are closer than this do not tell which of two groups is the faster one. */
const DOUBTFUL = 1.015;

/**
 * Products of the groups that take less time where statistics are gathered while these drain: the vector unit has less to do then, but in another order,
 * and the totals take room. Estimates tell, or what is measured where they are close and that is possible.
 * @param plain a schedule without that, and `gathered` one of the same step with it
 */
export function worthGathering(plain: Scheduled, gathered: Scheduled, { resources, timer }: TimeModel): ReadonlySet<string> {
  const manners = timer.measures ? [timer.estimating(), timer] : [timer];
  const ways = manners.map((own) => {
    const of = ({ network }: Scheduled): Ways => new Ways(network, { resources, timer: own });
    return { plain: of(plain), gathered: of(gathered) };
  });
  const isFaster = (before: Group, after: Group): boolean => {
    let faster = false;
    for (const by of ways) {
      const ratio = by.plain.fastest(before).cycles / by.gathered.fastest(after).cycles;
      faster = ratio > 1;
      if (Math.max(ratio, 1 / ratio) > DOUBTFUL) break;
    }
    return faster;
  };
  const plainly = kindsOf(plain);
  const kinds = kindsOf(gathered);
  const chosen = new Set<string>();
  for (const group of gathered.schedule.groups) {
    const products = namesOf(group).filter((name) => plainly.has(name) && kinds.get(name) !== plainly.get(name));
    const same = plain.schedule.groups.find((other) => holds(other, products) && holds(group, productsOf(plain, other)));
    if (products.length > 0 && same !== undefined && isFaster(same, group)) for (const name of products) chosen.add(name);
  }
  return chosen;
}

function kindsOf({ network }: Scheduled): ReadonlyMap<string, string> {
  return new Map(network.layers.map(({ layer }) => [layer.name, layer.kind]));
}

function productsOf({ network }: Scheduled, group: Group): string[] {
  const products = new Set(network.layers.flatMap(({ layer, matrix }) => (matrix === undefined ? [] : [layer.name])));
  return namesOf(group).filter((name) => products.has(name));
}

function namesOf({ steps }: Group): string[] {
  return steps.map(({ layer }) => layer);
}

function holds(group: Group, layers: readonly string[]): boolean {
  const own = new Set(namesOf(group));
  return layers.every((name) => own.has(name));
}
