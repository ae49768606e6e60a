import type { Layer } from '../../../ir/graph.ts';
import type { Pair } from '../fuse-update.ts';
import { fusedPlanners } from '../fused-planners.ts';
import type { Network } from '../network.ts';
import { Planner } from '../planner.ts';
import { usesOf } from '../residency.ts';
import type { Group, Resources } from '../schedule.ts';
import { subBatches } from '../sizes.ts';
import { type Choice, choicesOf } from './choice.ts';
import { Evaluator } from './evaluate.ts';
import { leastProduct } from './hull.ts';
import { type Objective, type ObjectiveName, objectiveOf } from './objective.ts';
import { Parts } from './parts.ts';
import { positionsOf } from './positions.ts';
import { withBackward } from './rewrite.ts';
import { type Placers, runsOf, settle } from './run.ts';
import { type Chosen, type Found, Search } from './search.ts';

/** How often the search is repeated with less room for the groups that got no addresses. */
const MOST_ATTEMPTS = 40;

/**
 * Shares of the buffer that are searched for. Groups of several parts may hold operands in what they leave free, which the search does not know of:
 * where they do, a search for less may be better.
 */
const SHARES = [1, 3 / 4];

/** The forward and backward layers of a step in the best groups, and the network that they are groups of. */
export interface Optimum {
  readonly network: Network;
  readonly groups: readonly Group[];
  readonly choices: readonly Choice[];
  /** What the groups cost by the model of the objective. */
  readonly cost: number;
}

/**
 * The best schedule over this space: the step is cut at positions that one tensor crosses; between two positions backward keeps what it needs in DRAM,
 * or computes the vector unit's results again, or everything; the last pieces may run forward and backward in one group; adjacent parts form a group
 * or not; a group has any sub-batch size; within a part everything stays on chip that fits, the largest tensor giving way first. A part that no
 * group spans may run as several. A turn begins at most one position before the last one that keeps everything on chip. Groups that get no
 * addresses are planned with less of the buffer, and the search is repeated.
 * @param pairs weight gradients and updates that may run as one layer each; the network has them apart.
 */
export function optimize(
  network: Network,
  resources: Resources,
  objective: ObjectiveName,
  pairs: readonly Pair[] = [],
): Optimum | undefined {
  const parts = new Parts(network, positionsOf(network), pairs);
  const uses = usesOf(network);
  const planner = new Planner(network, uses, resources);
  const { tilings } = planner;
  let best: (Optimum & { readonly saved: number }) | undefined;
  for (const share of SHARES) {
    const room = { ...resources, globalBytes: Math.floor(resources.globalBytes * share) };
    const evaluator = new Evaluator(share === 1 ? planner : new Planner(network, uses, room, { tilings }), pairs, planner);
    const found = searched({ network, parts, pairs, resources }, objective, evaluator);
    if (found !== undefined && (best === undefined || found.cost < best.cost)) best = found;
    if (objective !== 'traffic' || best === undefined || best.saved === 0) break;
  }
  return best;
}

/** What is searched for, and on what. */
interface Step {
  readonly network: Network;
  readonly parts: Parts;
  readonly pairs: readonly Pair[];
  readonly resources: Resources;
}

/** The best schedule by what the evaluator says of parts, and how much less than that it costs. */
function searched(step: Step, objective: ObjectiveName, evaluator: Evaluator): (Optimum & { readonly saved: number }) | undefined {
  const { parts, resources } = step;
  const cost = objectiveOf(objective === 'edp' ? 'energy' : objective, resources);
  const search = new Search(parts, evaluator, cost);
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const found = objective === 'edp' ? leastByProduct(parts, evaluator, resources) : search.run();
    if (found === undefined) return undefined;
    const realized = realize(step, found, evaluator, cost);
    if ('groups' in realized) return { ...realized, saved: found.cost - realized.cost };
    search.tighten(realized.homeless);
  }
  return undefined;
}

/** The schedule with the least energy × time. */
function leastByProduct(parts: Parts, evaluator: Evaluator, resources: Resources): Found | undefined {
  const [joules, cycles] = [objectiveOf('energy', resources), objectiveOf('time', resources)];
  return leastProduct((a, b) => {
    const found = new Search(parts, evaluator, (amount) => a * joules(amount) + b * cycles(amount)).run();
    if (found === undefined) return undefined;
    const run = [...found.forward, ...(found.turn?.chosen ?? []), ...found.backward.flatMap(({ chosen }) => chosen)];
    const sum = (of: Objective): number => run.reduce((total, { amount }) => total + of(amount), 0);
    return { ...found, x: sum(joules), y: sum(cycles) };
  });
}

/** The groups of what was found, with addresses; or the parts of those for which the buffer is too fragmented. */
function realize(
  { network, parts: { positions }, pairs, resources }: Step,
  found: Found,
  evaluator: Evaluator,
  objective: Objective,
): Optimum | { readonly homeless: readonly Chosen[] } {
  const { graph } = network;
  const { turn } = found;
  const split = turn === undefined ? positions.backward.from : (positions.all[turn.from]?.backward ?? 0);
  const turned = network.layers.slice(positions.backward.from, split).map((view) => view.layer);
  const layers: Layer[] = [...turned, ...found.backward.flatMap(({ segment }) => segment.rebuilt.layers)];
  const made = found.backward.flatMap(({ segment }) => segment.rebuilt.tensors);
  const rewritten = positions.backward.to > positions.backward.from ? withBackward(graph, layers, made) : graph;
  const planners = fusedPlanners(rewritten, network.cores);
  const placers: Placers = (apart) =>
    planners(
      pairs.filter((pair) => !apart.has(pair.joined.name)),
      resources,
    );
  const chosen = [...found.forward, ...(turn?.chosen ?? []), ...found.backward.flatMap((b) => b.chosen)];
  const kept = new Set(found.backward.flatMap(({ segment }) => [...segment.kept]));
  const groups: Group[] = [];
  const homeless: Chosen[] = [];
  const settled = new Map<Chosen, Chosen>();
  const apart = new Set<string>();
  let { cost } = found;
  for (const run of runsOf(chosen)) {
    const runs = settle(run, kept, subBatches(network.batch), { evaluator, placers, objective });
    if (runs === undefined) homeless.push(...run.parts);
    else {
      groups.push(runs.group);
      cost -= runs.saved;
      for (const joined of runs.apart) apart.add(joined);
      runs.parts.forEach((part, i) => settled.set(run.parts[i] ?? part, part));
    }
  }
  if (homeless.length > 0) return { homeless };
  const final = placers(apart).network;
  return { network: final, groups, choices: choicesOf(final, found, settled), cost };
}
