import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Scheduled } from '../index.ts';
import type { LayerView, Network } from '../network.ts';
import { intervalsOf } from '../placed.ts';
import { Planner } from '../planner.ts';
import { type GroupAccesses, usesOf } from '../residency.ts';
import { ALIGNMENT, type Group, type Resources } from '../schedule.ts';
import { subBatches } from '../sizes.ts';
import { inTime, liveInRound, roundOf } from '../stages.ts';
import type { Choice } from './choice.ts';
import { amountsOf } from './work.ts';

/** How many cycles a group is estimated to take as a program; `effort`: how long to search for an order of issue for that, as in a schedule; default 0. */
export type Estimate = (network: Network, group: Group, effort?: number) => number;

/** Effort of estimates that decide between the best. */
export const CLOSELY = 1;

/** Sub-batches that are tried one after the other: each at most this share of the one before, until so many were slower by so much. */
const SPACING = 0.85;
const SLOWER = 1.05;
const MOST_SLOWER = 2;
/** How much slower than the fastest a way may seem that is looked at closely. */
const MOST_APART = 1.15;

/** A schedule's groups, and what was decided for them. */
export interface Timed {
  readonly groups: readonly Group[];
  readonly choices?: readonly Choice[];
}

/** A group, and the cycles that it is estimated to take. */
interface Rated {
  readonly group: Group;
  readonly cycles: number;
}

/**
 * Each group on the sub-batches with which it is estimated to take least time, what stays on chip being given: where the buffer is not full, layers
 * need not wait for each other's places, which may be worth more than the weights that further iterations load. Two iterations, each in its half
 * of the buffer, wait for nothing of each other but partial sums; several that overlap by stages share it.
 */
export function fastest(scheduled: Scheduled, resources: Resources, estimate: Estimate): Timed {
  const { network, schedule, choices } = scheduled;
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const planner = new Planner(network, usesOf(network), resources);
  const half = Math.floor(resources.globalBytes / 2 / ALIGNMENT) * ALIGNMENT;
  const halfPlanner = new Planner(network, planner.uses, { ...resources, globalBytes: half }, { tilings: planner.tilings });
  const groups = schedule.groups.map((group) => {
    if (!isResizable(group, views, network.batch)) return group;
    const given = { group, cycles: estimate(network, group) };
    const most = Math.min(group.subBatch, network.batch / 2) / SPACING;
    /** The fastest sub-batch of a way to run the group. */
    const best = (way: (subBatch: number, mostBytes: number) => Group | undefined, start?: Rated): Rated | undefined => {
      let found = start;
      let tried = start === undefined ? most : group.subBatch;
      let slower = 0;
      for (const subBatch of subBatches(network.batch)) {
        if (subBatch > tried * SPACING) continue;
        tried = subBatch;
        const other = way(subBatch, given.cycles * resources.costs.bytesPerCycle);
        if (other === undefined) continue;
        const cycles = estimate(network, other);
        slower = cycles > Math.min(given.cycles, found?.cycles ?? cycles) * SLOWER ? slower + 1 : 0;
        if (slower === MOST_SLOWER) break;
        if (found === undefined || cycles < found.cycles) found = { group: other, cycles };
      }
      return found;
    };
    const ways = [
      best((subBatch, mostBytes) => resized(planner, group, views, subBatch, mostBytes), given),
      best((subBatch, mostBytes) => {
        const placed = resized(halfPlanner, group, views, subBatch, mostBytes);
        return placed && { ...placed, alternating: half };
      }),
      ...stagings(network, group, resources).map((stages) =>
        best((subBatch, mostBytes) =>
          network.batch % subBatch > 0 || network.batch / subBatch <= stages.length
            ? undefined
            : resized(planner, group, views, subBatch, mostBytes, stages),
        ),
      ),
    ];
    return closest(
      ways.filter((way) => way !== undefined),
      (candidate) => estimate(network, candidate, CLOSELY),
    );
  });
  return { groups, ...(choices === undefined ? {} : { choices: choices.map((choice) => as(choice, groups, network, resources)) }) };
}

/** The fastest, by a close estimate, of those that may be. */
function closest(rated: readonly Rated[], closely: (group: Group) => number): Group {
  const most = MOST_APART * Math.min(...rated.map(({ cycles }) => cycles));
  const finalists = rated.filter(({ cycles }) => cycles <= most);
  const close = finalists.map(({ group }) => ({ group, cycles: finalists.length === 1 ? 0 : closely(group) }));
  return close.reduce((best, other) => (other.cycles < best.cycles ? other : best)).group;
}

/** Stages that are tried, by their number. */
const MOST_STAGES = 4;

/** Ways to cut a group into stages that take about as long as each other, between units. */
function stagings(network: Network, group: Group, resources: Resources): number[][] {
  const costs = amountsOf(
    network,
    group.steps.map((step) => ({ ...group, steps: [step] })),
    resources,
  ).map(({ matrix, vector }) => Math.max(matrix, vector));
  const total = costs.reduce((a, b) => a + b, 0);
  const units = new Map(network.layers.map(({ layer, unit }) => [layer.name, unit]));
  const ways: number[][] = [];
  for (let count = 2; count <= MOST_STAGES; count++) {
    const cuts: number[] = [];
    let sum = 0;
    group.steps.forEach(({ layer }, i) => {
      const begins = i > 0 && units.get(layer) !== units.get(group.steps[i - 1]?.layer ?? '');
      if (begins && cuts.length < count - 1 && sum >= (total * (cuts.length + 1)) / count) cuts.push(i);
      sum += costs[i] ?? 0;
    });
    if (cuts.length === count - 1) ways.push(cuts);
  }
  return ways;
}

/** A choice as it is carried out: on the sub-batches of its group. */
function as(choice: Choice, groups: readonly Group[], network: Network, resources: Resources): Choice {
  const group = groups.find(({ steps }) => steps.some(({ layer }) => layer === choice.first));
  if (group === undefined) return choice;
  const at = (layer: string): number => group.steps.findIndex((step) => step.layer === layer);
  const [amount] = amountsOf(network, [{ ...group, steps: group.steps.slice(at(choice.first), at(choice.last) + 1) }], resources);
  return { ...choice, subBatch: group.subBatch, traffic: amount?.traffic ?? choice.traffic };
}

/** Whether all that a group keeps on chip is cut into sub-batches, which none of its layers looks across. */
function isResizable({ steps, residents, phase }: Group, views: ReadonlyMap<string, LayerView>, batch: number): boolean {
  if (phase === 'update' || batch === 1) return false;
  const own = steps.flatMap(({ layer }) => views.get(layer) ?? []);
  const batched = new Set(own.flatMap((view) => [...view.inputs, ...view.outputs]).flatMap((o) => (o.batched ? [o.tensor] : [])));
  return own.every((view) => !view.crossesSamples) && residents.every(({ tensor }) => batched.has(tensor));
}

/** The group on other sub-batches; undefined where it does not fit, or moves more than `mostBytes`. */
function resized(
  planner: Planner,
  group: Group,
  byName: ReadonlyMap<string, LayerView>,
  subBatch: number,
  mostBytes: number,
  stages?: Group['stages'],
): Group | undefined {
  const views = group.steps.map(({ layer }) => byName.get(layer) ?? fail(diag.internal({ layer }, 'is not in the graph')));
  const round = roundOf({ steps: group.steps, stages });
  const intervals = inTime(intervalsOf(group), round);
  if (intervals === undefined) return undefined;
  const accesses: GroupAccesses = {
    inputs: group.steps.map(({ inputs }) => inputs),
    outputs: group.steps.map(({ outputs }) => outputs),
    intervals,
    held: [],
  };
  const live = liveInRound(intervals, round);
  const fits = views.flatMap((_, i) => planner.fitOne(views, accesses, subBatch, live, i) ?? []);
  const from = views[0]?.index ?? 0;
  if (fits.length < views.length) return undefined;
  const draft = planner.draftOf(from, from + views.length, subBatch, accesses, fits);
  return draft.traffic > mostBytes ? undefined : planner.tryPlace(draft, stages);
}
