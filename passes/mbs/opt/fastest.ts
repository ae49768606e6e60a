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
import { stagings } from './staging.ts';
import { amountsOf } from './work.ts';

/** How many cycles a group is estimated to take as a program; `effort`: how long to search for an order of issue for that, as in a schedule; default 0. */
export type Estimate = (network: Network, group: Group, effort?: number) => number;

/** Effort of estimates that decide between the best. */
export const CLOSELY = 1;

/** Sub-batches that are tried one after the other: each at most this share of the one before, until so many were slower by so much. */
const SPACING = 0.85;
const SLOWER = 1.05;
const MOST_SLOWER = 2;
/** How much slower than the fastest a way to run a group may seem that is looked at closely. */
const MOST_APART = 1.15;

/** A schedule's groups, and what was decided for them. */
export interface Timed {
  readonly groups: readonly Group[];
  readonly choices?: readonly Choice[];
}

/**
 * Each group on the sub-batches with which it is estimated to take least time, what stays on chip being given: where the buffer is not full, layers
 * need not wait for each other's places, which may be worth more than the weights that further iterations load. Two iterations, each in its half
 * of the buffer, wait for nothing of each other but partial sums; several that overlap by stages share it.
 */
export function fastest(scheduled: Scheduled, resources: Resources, estimate: Estimate): Timed {
  const { network, schedule, choices } = scheduled;
  const ways = new Ways(network, resources, estimate);
  const groups = schedule.groups.map((group) => ways.fastest(group));
  return { groups, ...(choices === undefined ? {} : { choices: choices.map((choice) => as(choice, groups, network, resources)) }) };
}

/** A group, and the cycles that it is estimated to take. */
interface Rated {
  readonly group: Group;
  readonly cycles: number;
}

/** A way to run a group on a sub-batch; undefined where it cannot run so, or moves more than `mostBytes`. */
type Way = (subBatch: number, mostBytes: number) => Group | undefined;

/** The ways in which the groups of a network may run. */
class Ways {
  private readonly network: Network;
  private readonly resources: Resources;
  private readonly estimate: Estimate;
  private readonly views: ReadonlyMap<string, LayerView>;
  private readonly planner: Planner;
  private readonly half: number;
  private readonly halfPlanner: Planner;

  constructor(network: Network, resources: Resources, estimate: Estimate) {
    this.network = network;
    this.resources = resources;
    this.estimate = estimate;
    this.views = new Map(network.layers.map((view) => [view.layer.name, view]));
    this.planner = new Planner(network, usesOf(network), resources);
    this.half = Math.floor(resources.globalBytes / 2 / ALIGNMENT) * ALIGNMENT;
    const { uses, tilings } = this.planner;
    this.halfPlanner = new Planner(network, uses, { ...resources, globalBytes: this.half }, { tilings });
  }

  /** The group in the fastest of them. */
  fastest(group: Group): Group {
    const { network, views } = this;
    if (!isResizable(group, views, network.batch)) return group;
    const given = { group, cycles: this.estimate(network, group) };
    const plain = this.onBestSize(given, given, (s, most) => resized(this.planner, group, views, s, most));
    const alternating = this.onBestSize(given, undefined, (s, most) => {
      const placed = resized(this.halfPlanner, group, views, s, most);
      return placed && { ...placed, alternating: this.half };
    });
    return this.closest([plain, alternating, ...this.staged(given)].filter((way) => way !== undefined));
  }

  /** In every number of stages. */
  private staged(given: Rated): (Rated | undefined)[] {
    const { network, views, planner } = this;
    const { batch } = network;
    return stagings(network, given.group, this.resources).map((stages) =>
      this.onBestSize(given, undefined, (s, most) =>
        batch % s > 0 || batch / s <= stages.length ? undefined : resized(planner, given.group, views, s, most, stages),
      ),
    );
  }

  /** The fastest sub-batch of a way to run a group. */
  private onBestSize(given: Rated, start: Rated | undefined, way: Way): Rated | undefined {
    const { batch } = this.network;
    let found = start;
    let tried = start === undefined ? Math.min(given.group.subBatch, batch / 2) / SPACING : given.group.subBatch;
    let slower = 0;
    for (const subBatch of subBatches(batch)) {
      if (subBatch > tried * SPACING) continue;
      tried = subBatch;
      const group = way(subBatch, given.cycles * this.resources.costs.bytesPerCycle);
      if (group === undefined) continue;
      const other = { group, cycles: this.estimate(this.network, group) };
      slower = other.cycles > Math.min(given.cycles, found?.cycles ?? other.cycles) * SLOWER ? slower + 1 : 0;
      if (slower === MOST_SLOWER) break;
      if (found === undefined || other.cycles < found.cycles) found = other;
    }
    return found;
  }

  /** The fastest, by a close estimate, of those that may be. */
  private closest(rated: readonly Rated[]): Group {
    const most = MOST_APART * Math.min(...rated.map(({ cycles }) => cycles));
    const finalists = rated.filter(({ cycles }) => cycles <= most);
    const close = finalists.map(({ group }) => ({
      group,
      cycles: finalists.length === 1 ? 0 : this.estimate(this.network, group, CLOSELY),
    }));
    return close.reduce((best, other) => (other.cycles < best.cycles ? other : best)).group;
  }
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
