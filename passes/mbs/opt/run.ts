import type { LayerView } from '../network.ts';
import type { Planner } from '../planner.ts';
import type { GroupAccesses, Held, Interval } from '../residency.ts';
import type { Group } from '../schedule.ts';
import type { Fit } from '../tiling.ts';
import type { Evaluator, Plan } from './evaluate.ts';
import type { Objective } from './objective.ts';
import type { Range } from './positions.ts';
import type { Chosen } from './search.ts';

/** Parts that run as one group, as a range of layers. */
export interface Run extends Range {
  readonly subBatch: number;
  readonly parts: readonly Chosen[];
}

/** Parts that go on with one another, as ranges of layers. */
export function runsOf(chosen: readonly Chosen[]): Run[] {
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

/** The plans of parts on sub-batches of `subBatch` samples as that of one group, undefined where one cannot run so: the tensor that stays on chip from one to the next has one place, and is stored where backward reads it. */
function joined(parts: readonly Chosen[], subBatch: number, kept: ReadonlySet<string>, evaluator: Evaluator): Plan | undefined {
  const inputs: GroupAccesses['inputs'][number][] = [];
  const outputs: GroupAccesses['outputs'][number][] = [];
  const intervals: Interval[] = [];
  const held: Held[] = [];
  const fits: Fit[] = [];
  const views: LayerView[] = [];
  const apart = new Set<string>();
  for (const { part, enters, exits } of parts) {
    const plan = evaluator.plan(part, subBatch, enters, exits);
    if (plan === undefined) return undefined;
    const at = fits.length;
    for (const interval of plan.accesses.intervals) {
      const before = intervals.find((v) => v.tensor === interval.tensor && v.to === at - 1);
      if (enters && interval.from === 0 && interval.tensor === part.enters && before !== undefined) before.to = at + interval.to;
      else intervals.push({ ...interval, from: at + interval.from, to: at + interval.to });
    }
    inputs.push(...plan.accesses.inputs);
    const stored = (tensor: string): boolean => tensor === part.exits && kept.has(tensor);
    outputs.push(...plan.accesses.outputs.map((list) => list.map((a) => (stored(a.tensor) ? { ...a, store: true } : a))));
    held.push(...plan.accesses.held);
    fits.push(...plan.fits);
    views.push(...plan.views);
    for (const name of plan.apart) apart.add(name);
  }
  return { views, accesses: { inputs, outputs, intervals, held }, fits, apart };
}

/** A group, and its parts as they run in it. */
export interface Settled {
  readonly group: Group;
  readonly parts: readonly Chosen[];
  /** Layers that are a gradient alone in it, the update apart. */
  readonly apart: ReadonlySet<string>;
  /** What it costs less than the search has found. */
  readonly saved: number;
}

/** A planner of the whole step in which some layers are a gradient and an update apart. */
export type Placers = (apart: ReadonlySet<string>) => Planner;

/**
 * The group of a run with addresses; undefined where the buffer is too fragmented for it. The search knows of no group of several parts that holds
 * operands over its iterations: it may do so here, on smaller sub-batches too, where that costs less than what was found.
 */
export function settle(
  run: Run,
  kept: ReadonlySet<string>,
  sizes: readonly number[],
  { evaluator, placers, objective }: { readonly evaluator: Evaluator; readonly placers: Placers; readonly objective: Objective },
): Settled | undefined {
  const found: { readonly subBatch: number; readonly plan: Plan; readonly cost: number }[] = [];
  const consider = (subBatch: number, plan: Plan): void => {
    found.push({ subBatch, plan, cost: objective(evaluator.cost(plan, subBatch)) });
  };
  for (const subBatch of run.parts.length === 1 ? [run.subBatch] : sizes.filter((s) => s <= run.subBatch)) {
    const plan = joined(run.parts, subBatch, kept, evaluator);
    if (plan === undefined) continue;
    if (subBatch === run.subBatch) consider(subBatch, plan);
    if (run.parts.length > 1) consider(subBatch, evaluator.holdingMost(placers(plan.apart), plan, subBatch));
  }
  const [most] = found.filter(({ subBatch }) => subBatch === run.subBatch).map(({ cost }) => cost);
  for (const { subBatch, plan, cost } of found.sort((a, b) => a.cost - b.cost)) {
    if (most === undefined || cost > most) return undefined;
    const placer = placers(plan.apart);
    const group = placer.tryPlace(placer.draftOf(run.from, run.to, subBatch, plan.accesses, plan.fits));
    if (group !== undefined) return { group, parts: partsOf(run, subBatch, plan, evaluator), apart: plan.apart, saved: most - cost };
  }
  return undefined;
}

/** The parts of a run as the plan of its group has them. */
function partsOf({ parts }: Run, subBatch: number, { views, accesses, fits }: Plan, evaluator: Evaluator): Chosen[] {
  let at = 0;
  return parts.map((chosen) => {
    const { from, to } = chosen.part;
    const range = [at, at + to - from] as const;
    at = range[1];
    const own = {
      views: views.slice(...range),
      accesses: { ...accesses, inputs: accesses.inputs.slice(...range), outputs: accesses.outputs.slice(...range) },
      fits: fits.slice(...range),
    };
    return { ...chosen, subBatch, amount: evaluator.sum(own, subBatch), held: accesses.held };
  });
}
