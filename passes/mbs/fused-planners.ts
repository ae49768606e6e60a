import type { Graph } from '../../ir/graph.ts';
import { fuseUpdates, type Pair } from './fuse-update.ts';
import { networkOf } from './network.ts';
import { Planner } from './planner.ts';
import { usesOf } from './residency.ts';
import type { Resources } from './schedule.ts';
import { Tilings } from './tilings.ts';

/** Plans groups of a graph in which these pairs are one layer each. */
export type FusedPlanners = (pairs: readonly Pair[], resources: Resources) => Planner;

/** The planners of a graph, each made once: groups share those of the pairs that all of them fuse. */
export function fusedPlanners(graph: Graph, cores: number): FusedPlanners {
  const known = new Map<string, Planner>();
  let tilings: Tilings | undefined;
  return (pairs, resources) => {
    const key = `${resources.globalBytes} ${pairs.map(({ gradient }) => gradient).join()}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const network = networkOf(fuseUpdates(graph, pairs), cores);
    tilings ??= new Tilings(network.batch, resources);
    const planner = new Planner(network, usesOf(network), resources, { tilings });
    known.set(key, planner);
    return planner;
  };
}
