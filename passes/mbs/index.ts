import { diag, fail } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { accumulateEarly } from './accumulate.ts';
import type { Draft } from './draft.ts';
import { type Pair, pairsOf } from './fuse-update.ts';
import { gather } from './gather.ts';
import { groupGreedily } from './grouping.ts';
import { joinNorms } from './join-norms.ts';
import { joinSums } from './join-sums.ts';
import { type Merge, renamedMerges } from './merge.ts';
import { type Network, networkOf } from './network.ts';
import type { Choice } from './opt/choice.ts';
import { type ByTime, type Fastest, fastest } from './opt/fastest.ts';
import { worthGathering } from './opt/gathered.ts';
import { optimize } from './opt/index.ts';
import { costOf, type ObjectiveName } from './opt/objective.ts';
import { soonest, type Timed } from './opt/soonest.ts';
import { EFFORT_FOR_TIME, type Estimate, type Measure, Timer } from './opt/timer.ts';
import { Ways } from './opt/ways.ts';
import { amountsOf } from './opt/work.ts';
import { orderByLiveness } from './order.ts';
import { Planner } from './planner.ts';
import { demandOf, type Misfit, refusal } from './refusal.ts';
import { POLICIES, type Policy, usesOf } from './residency.ts';
import type { Group, Resources, Schedule, ScheduleName } from './schedule.ts';
import { subBatches } from './sizes.ts';
import { spreader } from './spread.ts';
import { type Range, unitsOf } from './units.ts';
import { keepGradients } from './update-on-chip.ts';

export interface Scheduled {
  readonly network: Network;
  readonly schedule: Schedule;
  /** The merges that the grouping considered; absent where the schedule was not made here. The backend has no use for it. */
  readonly merges?: readonly Merge[];
  /** What `opt` decided, where it did. */
  readonly choices?: readonly Choice[];
}

export interface ScheduleOptions {
  /** What `opt` minimizes; default: traffic. */
  readonly objective?: ObjectiveName;
  /** Gathers the statistics of a normalization while its convolution drains; default: no. */
  readonly gathers?: boolean;
  /** Whether weight gradients may stay on chip until their update, where tensors may stay on chip at all; default: yes. */
  readonly fusedUpdates?: boolean;
  /** Estimates groups as programs, for the objective `time`; without it, the model of the search decides. */
  readonly estimate?: Estimate;
  /** Measures what is estimated to take about as long as each other; without it, estimates decide. */
  readonly measure?: Measure;
}

/** How long the backend searches for the order of issue where the schedule was searched for as well. */
const EFFORT = 4;

/** Schedules a step: how its layers are grouped, with which sub-batch, and what stays on chip (design: mini-batch serialization). */
export function scheduleGraph(given: Graph, name: ScheduleName, resources: Resources, options: ScheduleOptions = {}): Scheduled {
  const { objective = 'traffic', gathers = false, fusedUpdates = true, estimate, measure } = options;
  // These spare passes, not traffic: for that, layers stay as the model has them.
  const graph = name === 'opt' && objective !== 'traffic' ? joinNorms(joinSums(given), resources.globalBytes) : given;
  const plan = planOf(graph, { name, gathers });
  const demand = (schedule: ScheduleName, globalBytes: number): number | undefined =>
    missing(schedule === name ? plan : planOf(graph, { name: schedule, gathers: false }), { ...resources, globalBytes });
  const refuse = (misfit: Misfit): never => fail(refusal(misfit, { schedule: name, resources, demand }));
  const planned = plan(resources, refuse);
  // Layers that look at the whole mini-batch part groups: what mbs2 keeps for branches may then cost more than it saves.
  const plainer = (): Scheduled[] => {
    if (POLICIES[name] !== 'group' || !planned.network.layers.some((view) => view.crossesSamples)) return [];
    const other = planOf(graph, { name: 'mbs1', gathers: gathers && name !== 'opt' })(resources, refuse);
    return [{ ...other, schedule: { ...other.schedule, name } }];
  };
  /** That of mbs2 with statistics gathered where that takes less time. */
  const gathered = (by: ByTime): Scheduled[] => {
    const gathering = (among: Gathers): Scheduled => schedulePlanned(graph, { name: 'mbs2', gathers: among }, resources, refuse);
    const among = worthGathering(planned, gathering(true), by);
    if (among.size === 0) return [];
    const other = gathering(among);
    return [{ ...other, schedule: { ...other.schedule, name } }];
  };
  const fuse = (scheduled: Scheduled): Scheduled =>
    fusedUpdates && POLICIES[name] !== 'none' ? withGradientsKept(scheduled, resources) : scheduled;
  const choose = (): Scheduled => {
    const network = networkOf(rewritten(graph, POLICIES.opt, gathers, resources), resources.cores);
    const pairs = (own: Graph): readonly Pair[] => (fusedUpdates ? pairsOf(own, network.cores) : []);
    const found = [...optimal(planned, network, pairs(network.graph), resources, objective), ...plainer()];
    if (objective !== 'time' || estimate === undefined) return cheapest(found.map(fuse), resources, objective);
    const by: ByTime = { resources, timer: new Timer(estimate, spread, measure), pairs };
    return soonestOf([...found, ...gathered(by)], by, fuse);
  };
  const spread = spreader(resources);
  const scheduled = name === 'opt' ? choose() : cheapest([planned, ...plainer()].map(fuse), resources, 'traffic');
  const effort = name === 'opt' ? { effort: objective === 'time' ? EFFORT_FOR_TIME : EFFORT } : {};
  return {
    ...scheduled,
    schedule: { ...scheduled.schedule, ...effort, groups: scheduled.schedule.groups.map((group) => spread(scheduled.network, group)) },
  };
}

function withGradientsKept(scheduled: Scheduled, resources: Resources): Scheduled {
  const kept = keepGradients(scheduled, resources);
  const { merges } = kept;
  return merges === undefined ? kept : { ...kept, merges: renamedMerges(merges, scheduled.network, kept.network) };
}

/** Whether statistics are gathered, or those of which products. */
type Gathers = boolean | ReadonlySet<string>;

/** The schedules that are not searched for. */
type Planned = Exclude<ScheduleName, 'opt'>;

/** Schedules a step on a machine; `refuse` ends it where a layer does not fit. */
type Plan = (resources: Resources, refuse: (misfit: Misfit) => never) => Scheduled;

/** How a schedule is planned; `opt` falls back on mbs2 where its search finds nothing better, and is refused where that is. */
function planOf(graph: Graph, { name, gathers }: { readonly name: ScheduleName; readonly gathers: boolean }): Plan {
  const planned = name === 'opt' ? { name: 'mbs2' as const, gathers: false } : { name, gathers };
  return (resources, refuse) => schedulePlanned(graph, planned, resources, refuse);
}

/** Bytes that a layer of the step needs and the buffer does not have; undefined where all fit. */
function missing(plan: Plan, resources: Resources): number | undefined {
  let demand: number | undefined;
  try {
    plan(resources, (misfit) => {
      demand = demandOf(misfit, resources);
      return fail(diag.doesNotFit({}, demand, resources.globalBytes, '', ''));
    });
  } catch (error) {
    if (demand === undefined) throw error;
  }
  return demand;
}

function schedulePlanned(
  graph: Graph,
  { name, gathers }: { readonly name: Planned; readonly gathers: Gathers },
  resources: Resources,
  refuse: (misfit: Misfit) => never,
): Scheduled {
  const network = networkOf(rewritten(graph, POLICIES[name], gathers, resources), resources.cores);
  const planner = new Planner(network, usesOf(network), resources, { refuse });
  const groups: Group[] = [];
  const merges: Merge[] = [];
  for (const { from, to } of phasesOf(network)) {
    // Updates run over parameters: there are no samples to serialize and nothing to keep.
    const update = network.layers[from]?.phase === 'update';
    const policy = update ? 'none' : POLICIES[name];
    const drafts = update
      ? [planner.wholeBatch(from, to, policy)]
      : STRATEGIES[name](planner, from, to, policy, (merge) => merges.push(merge));
    for (const draft of drafts) groups.push(planner.place(planner.refine(draft, policy), policy));
  }
  return { network, schedule: { name, doubleBufferWeights: name !== 'baseline', groups }, merges };
}

/** What the schedules change in a graph before they group its layers. */
function rewritten(graph: Graph, policy: Policy, gathers: Gathers, resources: Resources): Graph {
  const joined = gathers === true ? gather(graph, resources) : gathers === false ? graph : gather(graph, resources, gathers);
  const ordered = orderByLiveness(joined);
  return policy === 'group' ? accumulateEarly(ordered) : ordered;
}

/** That of mbs2, and the best schedule of the search if it finds one. */
function optimal(greedy: Scheduled, network: Network, pairs: readonly Pair[], resources: Resources, objective: ObjectiveName): Scheduled[] {
  const optimum = optimize(network, resources, objective, pairs);
  const fallback: Scheduled = { ...greedy, schedule: { ...greedy.schedule, name: 'opt' } };
  if (optimum === undefined) return [fallback];
  const left = new Set(optimum.network.layers.filter(({ phase }) => phase === 'update').map(({ layer }) => layer.name));
  const updates = greedy.schedule.groups
    .map((group) => ({ ...group, steps: group.steps.filter(({ layer }) => left.has(layer)) }))
    .filter(({ steps }) => steps.length > 0);
  const schedule: Schedule = { ...greedy.schedule, name: 'opt', groups: [...optimum.groups, ...updates] };
  return [fallback, { network: optimum.network, schedule, choices: optimum.choices }];
}

/** Layers that look at the whole mini-batch part a piece in the middle, where mbs2 may begin a group that goes on behind it. */
function cheapest(candidates: readonly Scheduled[], resources: Resources, objective: ObjectiveName): Scheduled {
  const [only] = candidates;
  if (only !== undefined && candidates.length === 1) return only;
  const rated = candidates.map((scheduled) => {
    const { network, schedule } = scheduled;
    return { scheduled, cost: costOf(amountsOf(network, schedule.groups, resources), objective, resources) };
  });
  return rated.reduce((best, other) => (other.cost < best.cost ? other : best)).scheduled;
}

/** The schedule that ends first, `finished`: the model of the search does not know what waits for what. */
function soonestOf(candidates: readonly Scheduled[], by: ByTime, finished: (scheduled: Scheduled) => Scheduled): Scheduled {
  const { timer } = by;
  const estimated: ByTime = { ...by, timer: timer.estimating() };
  const given = candidates.map((scheduled): Fastest => ({ scheduled, rivals: new Map() }));
  const found = soonest(given, {
    roughly: ({ scheduled }) => cyclesOf(scheduled, timer, 'roughly'),
    estimated: ({ scheduled }) => inFastestWays(scheduled, estimated, finished),
    measured: timer.measures ? ({ scheduled }) => inFastestWays(scheduled, by, finished) : undefined,
  });
  if (found === undefined) return fail(diag.internal({}, 'no schedule was found'));
  const { scheduled, rivals } = found;
  const { network, schedule } = scheduled;
  const ways = new Ways(network, by);
  const groups = timer.measures ? schedule.groups.map((group) => ways.settled(group, rivals.get(group) ?? [])) : schedule.groups;
  return { ...scheduled, schedule: { ...schedule, groups } };
}

/** A schedule in the fastest ways to run its groups; smaller sub-batches may have room for more updates, for which their groups are placed anew. */
function inFastestWays(given: Scheduled, by: ByTime, finished: (scheduled: Scheduled) => Scheduled): Timed<Fastest> {
  const timed = fastest(finished(given), by);
  const again: Fastest = { ...timed, scheduled: finished(timed.scheduled) };
  const both = again.scheduled.network === timed.scheduled.network ? [timed] : [timed, again];
  return both
    .map((own) => ({ scheduled: own, cycles: cyclesOf(own.scheduled, by.timer, 'exactly') }))
    .reduce((best, other) => (other.cycles < best.cycles ? other : best));
}

function cyclesOf({ network, schedule }: Scheduled, timer: Timer, manner: 'roughly' | 'exactly'): number {
  return schedule.groups.reduce((cycles, group) => cycles + timer[manner](network, group), 0);
}

type Strategy = (planner: Planner, from: number, to: number, policy: Policy, onMerge: (merge: Merge) => void) => readonly Draft[];

const STRATEGIES: Record<Planned, Strategy> = {
  baseline: layerByLayer,
  archopt: layerByLayer,
  il: (planner, from, to, policy) => [planner.wholeBatch(from, to, policy)],
  'mbs-fs': fullSerialization,
  mbs1: groupGreedily,
  mbs2: groupGreedily,
};

function layerByLayer(planner: Planner, from: number, to: number, policy: Policy): Draft[] {
  const drafts: Draft[] = [];
  for (let i = from; i < to; i++) drafts.push(planner.wholeBatch(i, i + 1, policy));
  return drafts;
}

/** One sub-batch size for all layers, that which moves least; only layers that need the whole mini-batch or do not fit a sample stand apart. */
function fullSerialization(planner: Planner, from: number, to: number, policy: Policy): Draft[] {
  const runs = serialRuns(planner, from, to, policy);
  const serial = runs.filter((run) => run.serial);
  let best: { readonly drafts: readonly Draft[]; readonly traffic: number } | undefined;
  for (const subBatch of subBatches(planner.network.batch)) {
    const drafts = serial.flatMap((run) => planner.serializedOn(run.from, run.to, policy, subBatch) ?? []);
    const traffic = drafts.reduce((sum, draft) => sum + draft.traffic, 0);
    if (drafts.length === serial.length && (best === undefined || traffic < best.traffic)) best = { drafts, traffic };
  }
  return runs.map((run) => best?.drafts.find(({ from }) => from === run.from) ?? planner.wholeBatch(run.from, run.to, policy));
}

/** The longest runs of units that can be serialized together, and the units between them. */
function serialRuns(planner: Planner, from: number, to: number, policy: Policy): (Range & { readonly serial: boolean })[] {
  const runs: { from: number; to: number; serial: boolean }[] = [];
  for (const unit of unitsOf(planner.network, from, to)) {
    const last = runs.at(-1);
    const isSerial = (start: number): boolean =>
      !planner.network.layers.slice(start, unit.to).some((view) => view.crossesSamples) &&
      planner.serialized(start, unit.to, policy) !== undefined;
    // Units that fit alone may not fit together.
    if (last?.serial === true && isSerial(last.from)) last.to = unit.to;
    else runs.push({ ...unit, serial: isSerial(unit.from) });
  }
  return runs;
}

function phasesOf(network: Network): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const view of network.layers) {
    const last = ranges.at(-1);
    if (last !== undefined && network.layers[last.from]?.phase === view.phase) last.to = view.index + 1;
    else ranges.push({ from: view.index, to: view.index + 1 });
  }
  return ranges;
}
