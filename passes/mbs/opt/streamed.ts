import { placeFits } from '../place.ts';
import type { Planner } from '../planner.ts';
import type { GroupAccesses } from '../residency.ts';
import type { Group } from '../schedule.ts';
import type { Fit } from '../tiling.ts';
import type { Range } from '../units.ts';
import { leavesHalf, soonestFits } from './soonest-fits.ts';
import type { Rated, Ways } from './ways.ts';

/** Layers of a kind that are simulated, and how often the kinds take their turn. */
const EXAMPLES = 2;
const ROUNDS = 2;
/** Of the tilings of a kind, those that are measured, and how much slower than the fastest they may be simulated to be. */
const MOST_MEASURED = 4;
const MOST_DOUBTFUL = 1.05;

/** Layers of a range that are alike, by their places in it, and the tilings that they may run by, those first that seem fastest. */
interface Kind {
  readonly places: readonly number[];
  readonly fits: readonly Fit[];
}

/** A group, and the same by tilings that are measured where the simulation does not tell them apart. */
interface Streamed extends Rated {
  refined(): Rated;
}

/**
 * Products that share nothing as a group on the whole mini-batch, each kind of them by the tiling with which a few of all kinds are simulated to take
 * least time; undefined where the buffer is too fragmented for that.
 */
export function streamed(ways: Ways, { from, to }: Range): Streamed | undefined {
  const { planner, timer } = ways;
  const { network } = planner;
  const { accesses, fits: given } = planner.wholeBatch(from, to, 'none');
  const kinds = kindsOf(planner, from, accesses, given);
  const examples = examplesOf(ways, from, accesses, kinds);
  const cyclesOf = (manner: 'roughly' | 'exactly') => (fits: readonly Fit[]) => {
    const group = examples(fits);
    return group === undefined ? Number.POSITIVE_INFINITY : timer[manner](network, group);
  };
  const ratedBy = (fits: readonly Fit[]): Rated | undefined => {
    const placed = planner.tryPlace(planner.draftOf(from, to, network.batch, accesses, fits));
    return placed && ways.closest([ways.rate(placed)]);
  };
  const start = (choose: (possible: readonly Fit[]) => Fit | undefined): readonly Fit[] =>
    kinds.reduce((all, { places, fits: possible }) => {
      const fit = choose(possible);
      return fit === undefined ? all : replaced(all, places, fit);
    }, given);
  const fastest = ([fit]: readonly Fit[]): Fit | undefined => fit;
  // One at a time they would not come to where two that follow each other have room at once.
  const beside = (possible: readonly Fit[]): Fit | undefined =>
    possible.find((fit) => leavesHalf(fit, planner.resources)) ?? fastest(possible);
  const [fits = given] = [fastest, beside]
    .map((choose) => inTurn(start(choose), kinds, cyclesOf('roughly'), ROUNDS))
    .map((found) => ({ found, cycles: cyclesOf('roughly')(found) }))
    .sort((a, b) => a.cycles - b.cycles)
    .map(({ found }) => found);
  const rated = ratedBy(fits);
  if (rated === undefined) return undefined;
  const refined = (): Rated => {
    const simulated = cyclesOf('roughly');
    const most = MOST_DOUBTFUL * simulated(fits);
    const doubtful = kinds.map(({ places, fits: possible }): Kind => {
      const close = possible
        .map((fit) => ({ fit, cycles: simulated(replaced(fits, places, fit)) }))
        .filter(({ cycles }) => cycles <= most)
        .sort((a, b) => a.cycles - b.cycles);
      return { places, fits: close.slice(0, MOST_MEASURED).map(({ fit }) => fit) };
    });
    const measured = ratedBy(inTurn(fits, doubtful, cyclesOf('exactly'), 1));
    return measured !== undefined && measured.cycles < rated.cycles ? measured : rated;
  };
  return { ...rated, refined };
}

/** Tilings, each kind of which in turn takes the one with which the cycles are least. */
function inTurn(start: readonly Fit[], kinds: readonly Kind[], cyclesOf: (fits: readonly Fit[]) => number, rounds: number): readonly Fit[] {
  let fits = start;
  let least = cyclesOf(fits);
  for (let round = 0; round < rounds; round++) {
    for (const { places, fits: possible } of kinds) {
      for (const fit of possible) {
        const other = replaced(fits, places, fit);
        const cycles = cyclesOf(other);
        if (cycles < least) [fits, least] = [other, cycles];
      }
    }
  }
  return fits;
}

function kindsOf(planner: Planner, from: number, { inputs, outputs }: GroupAccesses, fits: readonly Fit[]): Kind[] {
  const places = new Map<unknown, number[]>();
  fits.forEach((_, i) => {
    const view = planner.network.layers[from + i];
    if (view === undefined) return;
    const way = planner.tilings.wayOf(view, inputs[i] ?? [], outputs[i] ?? []);
    places.set(way, [...(places.get(way) ?? []), i]);
  });
  return [...places.values()].flatMap((own) => {
    const [first = 0] = own;
    const view = planner.network.layers[from + first];
    return view === undefined ? [] : [{ places: own, fits: soonestFits(planner, view, inputs[first] ?? [], outputs[first] ?? []) }];
  });
}

/** Some layers of every kind as a group by given tilings of all; undefined where they have no place. */
function examplesOf(
  { planner }: Ways,
  from: number,
  { inputs, outputs }: GroupAccesses,
  kinds: readonly Kind[],
): (fits: readonly Fit[]) => Group | undefined {
  const examples = kinds.flatMap(({ places }) => places.slice(0, EXAMPLES)).sort((a, b) => a - b);
  const of = <T>(all: readonly T[], first = 0): T[] => examples.flatMap((i) => all[first + i] ?? []);
  const views = of(planner.network.layers, from);
  const accesses = {
    inputs: examples.map((i) => inputs[i] ?? []),
    outputs: examples.map((i) => outputs[i] ?? []),
    intervals: [],
    held: [],
  };
  return (fits) => {
    const placed = placeFits(planner, { from, subBatch: planner.network.batch, accesses }, views, of(fits));
    return 'blocked' in placed ? undefined : placed;
  };
}

function replaced(fits: readonly Fit[], places: readonly number[], fit: Fit): readonly Fit[] {
  const own = new Set(places);
  return fits.map((before, i) => (own.has(i) ? fit : before));
}
