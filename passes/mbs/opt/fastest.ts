import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Scheduled } from '../index.ts';
import { livePerSample } from '../layout.ts';
import type { LayerView, Network } from '../network.ts';
import { intervalsOf } from '../placed.ts';
import { Planner } from '../planner.ts';
import { type GroupAccesses, usesOf } from '../residency.ts';
import { ALIGNMENT, type Group, type Resources } from '../schedule.ts';
import { subBatches } from '../sizes.ts';
import type { Choice } from './choice.ts';
import { amountsOf } from './work.ts';

/** How many cycles a group is estimated to take as a program. */
export type Estimate = (network: Network, group: Group) => number;

/** Sub-batches that are tried one after the other: each at most this share of the one before, until so many were slower by so much. */
const SPACING = 0.85;
const SLOWER = 1.05;
const MOST_SLOWER = 2;

/** A schedule's groups, and what was decided for them. */
export interface Timed {
  readonly groups: readonly Group[];
  readonly choices?: readonly Choice[];
}

/**
 * Each group on the sub-batches with which it is estimated to take least time, what stays on chip being given: where the buffer is not full, layers
 * need not wait for each other's places, which may be worth more than the weights that further iterations load. Two iterations, each in its half
 * of the buffer, wait for nothing of each other but partial sums.
 */
export function fastest(scheduled: Scheduled, resources: Resources, estimate: Estimate): Timed {
  const { network, schedule, choices } = scheduled;
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const planner = new Planner(network, usesOf(network), resources);
  const half = Math.floor(resources.globalBytes / 2 / ALIGNMENT) * ALIGNMENT;
  const halfPlanner = new Planner(network, planner.uses, { ...resources, globalBytes: half }, { tilings: planner.tilings });
  const timed = schedule.groups.map((group) => {
    let best = { group, cycles: estimate(network, group) };
    const tryAll = (most: number, placed: (subBatch: number, mostBytes: number) => Group | undefined): void => {
      let tried = most / SPACING;
      let slower = 0;
      for (const subBatch of subBatches(network.batch)) {
        if (subBatch > tried * SPACING) continue;
        tried = subBatch;
        const other = placed(subBatch, best.cycles * resources.costs.bytesPerCycle);
        if (other === undefined) continue;
        const cycles = estimate(network, other);
        slower = cycles > best.cycles * SLOWER ? slower + 1 : 0;
        if (slower === MOST_SLOWER) break;
        if (cycles < best.cycles) best = { group: other, cycles };
      }
    };
    if (!isResizable(group, views, network.batch)) return best;
    tryAll(group.subBatch * SPACING, (subBatch, mostBytes) => resized(planner, group, views, subBatch, mostBytes));
    tryAll(Math.min(group.subBatch, network.batch / 2), (subBatch, mostBytes) => {
      const placed = resized(halfPlanner, group, views, subBatch, mostBytes);
      return placed && { ...placed, alternating: half };
    });
    return best;
  });
  const groups = timed.map(({ group }) => group);
  return { groups, ...(choices === undefined ? {} : { choices: choices.map((choice) => as(choice, groups, network, resources)) }) };
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
): Group | undefined {
  const views = group.steps.map(({ layer }) => byName.get(layer) ?? fail(diag.internal({ layer }, 'is not in the graph')));
  const accesses: GroupAccesses = {
    inputs: group.steps.map(({ inputs }) => inputs),
    outputs: group.steps.map(({ outputs }) => outputs),
    intervals: intervalsOf(group),
    held: [],
  };
  const live = livePerSample(accesses.intervals, views.length);
  const fits = views.flatMap((_, i) => planner.fitOne(views, accesses, subBatch, live, i) ?? []);
  const from = views[0]?.index ?? 0;
  if (fits.length < views.length) return undefined;
  const draft = planner.draftOf(from, from + views.length, subBatch, accesses, fits);
  return draft.traffic > mostBytes ? undefined : planner.tryPlace(draft);
}
