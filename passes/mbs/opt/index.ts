import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Layer } from '../../../ir/graph.ts';
import { type Network, networkOf } from '../network.ts';
import { Planner } from '../planner.ts';
import { type GroupAccesses, type Interval, usesOf } from '../residency.ts';
import type { Group, Resources } from '../schedule.ts';
import type { Fit } from '../tiling.ts';
import { type Choice, choicesOf } from './choice.ts';
import { Evaluator, type Plan } from './evaluate.ts';
import { leastProduct } from './hull.ts';
import { type Objective, type ObjectiveName, objectiveOf } from './objective.ts';
import { Parts } from './parts.ts';
import { type Positions, positionsOf, type Range } from './positions.ts';
import { withBackward } from './rewrite.ts';
import { type Chosen, type Found, Search } from './search.ts';

/** Shares of the buffer that are planned with: addresses need some room between blocks. */
const SHARES = [1, 0.985, 0.96, 0.93, 0.88, 0.8, 0.7];

/** The forward and backward layers of a step in the best groups, and the network that they are groups of. */
export interface Optimum {
  readonly network: Network;
  readonly groups: readonly Group[];
  readonly choices: readonly Choice[];
}

/**
 * The best schedule over this space: the step is cut at positions that one tensor crosses; between two positions backward keeps what it needs in DRAM,
 * or computes the vector unit's results again, or everything; the last pieces may run forward and backward in one group; adjacent parts form a group
 * or not; a group has any sub-batch size; within a part everything stays on chip that fits, the largest tensor giving way first.
 */
export function optimize(network: Network, resources: Resources, objective: ObjectiveName): Optimum | undefined {
  const positions = positionsOf(network);
  const parts = new Parts(network, positions);
  for (const share of SHARES) {
    const planned = { ...resources, globalBytes: Math.floor(resources.globalBytes * share) };
    const evaluator = new Evaluator(new Planner(network, usesOf(network), planned));
    const found = findBest(parts, evaluator, objective, planned);
    const optimum = found === undefined ? undefined : realize(network, positions, found, evaluator, resources);
    if (optimum !== undefined) return optimum;
  }
  return undefined;
}

function findBest(parts: Parts, evaluator: Evaluator, objective: ObjectiveName, resources: Resources): Found | undefined {
  if (objective !== 'edp') return new Search(parts, evaluator, objectiveOf(objective, resources)).run();
  const [joules, cycles] = [objectiveOf('energy', resources), objectiveOf('time', resources)];
  return leastProduct((a, b) => {
    const found = new Search(parts, evaluator, (amount) => a * joules(amount) + b * cycles(amount)).run();
    if (found === undefined) return undefined;
    const run = [...found.forward, ...(found.turn?.chosen ?? []), ...found.backward.flatMap(({ chosen }) => chosen)];
    const sum = (of: Objective): number => run.reduce((total, { amount }) => total + of(amount), 0);
    return { ...found, x: sum(joules), y: sum(cycles) };
  });
}

/** The groups of what was found, with addresses; undefined where the buffer is too fragmented for one of them. */
function realize(network: Network, positions: Positions, found: Found, evaluator: Evaluator, resources: Resources): Optimum | undefined {
  const { graph } = network;
  const { turn } = found;
  const split = turn === undefined ? positions.backward.from : (positions.all[turn.from]?.backward ?? 0);
  const turned = network.layers.slice(positions.backward.from, split).map((view) => view.layer);
  const layers: Layer[] = [...turned, ...found.backward.flatMap(({ segment }) => segment.rebuilt.layers)];
  const made = found.backward.flatMap(({ segment }) => segment.rebuilt.tensors);
  const rewritten = positions.backward.to > positions.backward.from ? networkOf(withBackward(graph, layers, made), network.cores) : network;
  const chosen = [...found.forward, ...(turn?.chosen ?? []), ...found.backward.flatMap((b) => b.chosen)];
  const placer = new Planner(rewritten, usesOf(rewritten), resources);
  const kept = new Set(found.backward.flatMap(({ segment }) => [...segment.kept]));
  const groups: Group[] = [];
  for (const run of runsOf(chosen)) {
    const { accesses, fits } = joined(run.parts, kept, evaluator);
    const group = placer.tryPlace(placer.draftOf(run.from, run.to, run.subBatch, accesses, fits));
    if (group === undefined) return undefined;
    groups.push(group);
  }
  return { network: rewritten, groups, choices: choicesOf(rewritten, found) };
}

interface Run extends Range {
  readonly subBatch: number;
  readonly parts: readonly Chosen[];
}

/** Parts that go on with one another, as ranges of layers. */
function runsOf(chosen: readonly Chosen[]): Run[] {
  const runs: { from: number; to: number; subBatch: number; parts: Chosen[] }[] = [];
  let at = 0;
  for (const part of chosen) {
    const from = at;
    at += part.part.to - part.part.from;
    const last = runs.at(-1);
    if (part.enters && last !== undefined) {
      last.to = at;
      last.parts.push(part);
    } else runs.push({ from, to: at, subBatch: part.subBatch, parts: [part] });
  }
  return runs;
}

/** The plans of parts as that of one group: the tensor that stays on chip from one to the next has one place, and is stored where backward reads it. */
function joined(parts: readonly Chosen[], kept: ReadonlySet<string>, evaluator: Evaluator): Plan {
  const inputs: GroupAccesses['inputs'][number][] = [];
  const outputs: GroupAccesses['outputs'][number][] = [];
  const intervals: Interval[] = [];
  const fits: Fit[] = [];
  for (const { part, subBatch, enters, exits } of parts) {
    const plan = evaluator.plan(part, subBatch, enters, exits) ?? fail(diag.internal({}, 'a part that was chosen cannot run'));
    const at = fits.length;
    for (const interval of plan.accesses.intervals) {
      const before = intervals.find((v) => v.tensor === interval.tensor && v.to === at - 1);
      if (enters && interval.from === 0 && interval.tensor === part.enters && before !== undefined) before.to = at + interval.to;
      else intervals.push({ ...interval, from: at + interval.from, to: at + interval.to });
    }
    inputs.push(...plan.accesses.inputs);
    const stored = (tensor: string): boolean => tensor === part.exits && kept.has(tensor);
    outputs.push(...plan.accesses.outputs.map((list) => list.map((a) => (stored(a.tensor) ? { ...a, store: true } : a))));
    fits.push(...plan.fits);
  }
  return { accesses: { inputs, outputs, intervals }, fits };
}
