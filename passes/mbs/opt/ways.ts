import { diag, fail } from '../../../ir/diagnostics.ts';
import type { LayerView, Network } from '../network.ts';
import { intervalsOf } from '../placed.ts';
import { Planner } from '../planner.ts';
import { type GroupAccesses, usesOf } from '../residency.ts';
import { ALIGNMENT, type Group, type Resources } from '../schedule.ts';
import { subBatches } from '../sizes.ts';
import { inTime, liveInRound, roundOf } from '../stages.ts';
import { withPanelsKept } from './kept-panels.ts';
import { withSlices } from './slices.ts';
import { cutsOf, stagings } from './staging.ts';
import type { Timer } from './timer.ts';

/** What tells how long groups take on a machine. */
export interface TimeModel {
  readonly resources: Resources;
  readonly timer: Timer;
}

/** Sub-batches that are tried one after the other: each at most this share of the one before, until so many were slower by so much. */
const SPACING = 0.85;
const SLOWER = 1.05;
const MOST_SLOWER = 2;
/** How much slower than the fastest a way to run a group may seem that is looked at closely. */
const MOST_APART = 1.15;

/** Of those that are looked at closely, how many are measured, and how much slower than the fastest they may seem. */
const MOST_MEASURED = 3;
const MOST_DOUBTFUL = 1.06;
/** Rivals of the fastest, and how much longer they may be estimated to take. */
const MOST_RIVALS = 5;
const MOST_RIVALLING = 1.03;

/** Of the ways that cut the stages of a group elsewhere, those that are looked at closely. */
const MOST_RECUT = 6;

/** Cuts that are tried of a group that has no stages. */
const MOST_CUTS = 20;

/** Ways to spread a group that are estimated, those of them that are measured, and of these, those that are measured as they will be executed in the end. */
interface Draws {
  readonly estimated: number;
  readonly measured: number;
  readonly final: number;
}
/** Where nothing is measured, to tell schedules apart, and for the one that is taken. */
const ESTIMATED: Draws = { estimated: 5, measured: 1, final: 1 };
const TOLD_APART: Draws = { estimated: 12, measured: 3, final: 1 };
const TAKEN: Draws = { estimated: 64, measured: 16, final: 8 };

/** A group, and the cycles that it is estimated to take. */
export interface Rated {
  readonly group: Group;
  readonly cycles: number;
  /** Other ways to run it that take hardly longer, and that their places in the buffer may make the faster ones. */
  readonly rivals?: readonly Group[];
}

/** A way to run a group on a sub-batch; undefined where it cannot run so, or moves more than `mostBytes`. */
type Way = (subBatch: number, mostBytes: number) => Group | undefined;

/** The ways in which the groups of a network may run. */
export class Ways {
  readonly network: Network;
  readonly views: ReadonlyMap<string, LayerView>;
  readonly planner: Planner;
  readonly timer: Timer;
  private readonly resources: Resources;
  private readonly half: number;
  private readonly halfPlanner: Planner;

  constructor(network: Network, { resources, timer }: TimeModel) {
    this.network = network;
    this.resources = resources;
    this.timer = timer;
    this.views = new Map(network.layers.map((view) => [view.layer.name, view]));
    this.planner = new Planner(network, usesOf(network), resources);
    this.half = Math.floor(resources.globalBytes / 2 / ALIGNMENT) * ALIGNMENT;
    const { uses, tilings } = this.planner;
    this.halfPlanner = new Planner(network, uses, { ...resources, globalBytes: this.half }, { tilings });
  }

  /**
   * The group in the fastest of them: on smaller sub-batches, because where the buffer is not full, layers need not wait for each other's places, which
   * may be worth more than the weights that further iterations load; as two iterations, each in its half of the buffer, which wait for nothing of each
   * other but partial sums; or as several that overlap by stages and share it.
   */
  fastest(group: Group): Rated {
    const { network, views } = this;
    const given = this.rate(group);
    if (!isResizable(group, views, network.batch)) return this.closest([given]);
    const plain = this.onBestSize(given, given, (s, most) => resized(this.planner, group, views, s, most));
    const alternating = this.onBestSize(given, undefined, (s, most) => {
      const placed = resized(this.halfPlanner, group, views, s, most);
      return placed && { ...placed, alternating: this.half };
    });
    const fastest = this.closest([plain, alternating, ...this.staged(given)].filter((way) => way !== undefined));
    return this.recut(group, fastest);
  }

  /**
   * A group in the fastest way, the same with one of its cuts into stages elsewhere between its neighbours or, without any, cut in two at one of some places: a first
   * stage of a few layers only begins the next iteration early, and hardly takes room. Where ways are measured, the cuts are tried anywhere, and not between units alone.
   */
  private recut(group: Group, fastest: Rated): Rated {
    const { stages, subBatch, iterations } = fastest.group;
    const cuts = this.timer.measures ? group.steps.map((_, i) => i).slice(1) : cutsOf(group, this.views);
    const isStageable = iterations > 2 && this.network.batch % subBatch === 0;
    const moved =
      stages === undefined
        ? cuts.flatMap((cut, i) => (isStageable && i % Math.ceil(cuts.length / MOST_CUTS) === 0 ? [[cut]] : []))
        : cuts.flatMap((cut) =>
            stages.flatMap((own, i) =>
              cut > (stages[i - 1] ?? 0) && cut < (stages[i + 1] ?? cut + 1) && cut !== own ? [stages.with(i, cut)] : [],
            ),
          );
    const rated = moved.flatMap((cuts): Rated[] => {
      const placed = resized(this.planner, group, this.views, subBatch, Number.POSITIVE_INFINITY, cuts);
      return placed === undefined ? [] : [this.timer.measures ? this.rateClosely(placed) : this.rate(placed)];
    });
    const best = rated.sort((a, b) => a.cycles - b.cycles).slice(0, MOST_RECUT);
    return this.closest([...best, this.rate(fastest.group)]);
  }

  /** In every number of stages. */
  private staged(given: Rated): (Rated | undefined)[] {
    const { network, views, planner } = this;
    const { batch } = network;
    return stagings(network, given.group, views, this.resources).map((stages) =>
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
      const other = this.rate(group);
      slower = other.cycles > Math.min(given.cycles, found?.cycles ?? other.cycles) * SLOWER ? slower + 1 : 0;
      if (slower === MOST_SLOWER) break;
      if (found === undefined || other.cycles < found.cycles) found = other;
    }
    return found;
  }

  /** A group with a rough estimate. */
  rate(group: Group): Rated {
    return { group, cycles: this.timer.roughly(this.network, group) };
  }

  private rateClosely(group: Group): Rated {
    return { group, cycles: this.timer.closely(this.network, group) };
  }

  /** A group, and the same with weights that are loaded panel by panel, and operands of weight gradients slice by slice, if it has any. */
  private variantsOf(group: Group): Group[] {
    const { network, resources } = this;
    const sliced = withSlices(network, group, resources);
    return (sliced === undefined ? [group] : [group, sliced]).flatMap((own) => {
      const kept = withPanelsKept(network, own, resources);
      return kept === undefined ? [own] : [own, kept];
    });
  }

  /** The fastest of those that may be, by close estimates, the best of which are measured. */
  closest(rated: readonly Rated[]): Rated {
    const { network, timer } = this;
    const most = MOST_APART * Math.min(...rated.map(({ cycles }) => cycles));
    const close = rated
      .filter(({ cycles }) => cycles <= most)
      .flatMap(({ group }) => this.variantsOf(group))
      .map((group) => this.rateClosely(group))
      .sort((a, b) => a.cycles - b.cycles);
    const doubtful = close.filter(({ cycles }) => cycles <= MOST_DOUBTFUL * (close[0]?.cycles ?? 0)).slice(0, MOST_MEASURED);
    const measured = doubtful.map(({ group }) => ({ group, cycles: timer.exactly(network, group) }));
    const best = measured.reduce((least, other) => (other.cycles < least.cycles ? other : least));
    const rivals = close.filter(({ group, cycles }) => group !== best.group && cycles <= MOST_RIVALLING * (close[0]?.cycles ?? 0));
    return { ...best, rivals: rivals.slice(0, MOST_RIVALS).map(({ group }) => group) };
  }

  /** The group, or a rival, spread in the buffer in the fastest of some ways that are all about as good. */
  placed({ group, rivals = [] }: Rated): Group {
    return this.drawn([group, ...rivals], this.timer.measures ? TOLD_APART : ESTIMATED);
  }

  /** The same of a group of the schedule that is taken, of many ways. */
  settled(group: Group, rivals: readonly Group[]): Group {
    return this.drawn([group, ...rivals], TAKEN);
  }

  private drawn(groups: readonly [Group, ...Group[]], { estimated, measured, final }: Draws): Group {
    const { network, timer } = this;
    const draws = Math.ceil(estimated / groups.length);
    const spread = groups.flatMap((group) => Array.from({ length: draws }, (_, draw) => timer.spread(network, group, draw)));
    const different = [...new Map(spread.map((own) => [JSON.stringify(own), own])).values()];
    const best = (manner: 'closely' | 'exactly' | 'finally', most: number, of: readonly Group[]): Group[] =>
      of
        .map((own) => ({ own, cycles: timer[manner](network, own) }))
        .sort((x, y) => x.cycles - y.cycles)
        .slice(0, most)
        .map(({ own }) => own);
    return best('finally', 1, best('exactly', final, best('closely', measured, different)))[0] ?? groups[0];
  }
}

/** Whether all that a group keeps on chip is cut into sub-batches, which none of its layers looks across. */
export function isResizable({ steps, residents, phase }: Group, views: ReadonlyMap<string, LayerView>, batch: number): boolean {
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
