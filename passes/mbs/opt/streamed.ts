import { placeFits } from '../place.ts';
import type { Planner } from '../planner.ts';
import type { GroupAccesses } from '../residency.ts';
import type { Fit } from '../tiling.ts';
import type { Range } from '../units.ts';
import { soonestFits } from './soonest-fits.ts';
import type { Rated, Ways } from './ways.ts';

/** Layers of a kind that are simulated, and how often the kinds take their turn. */
const EXAMPLES = 2;
const ROUNDS = 2;

/** Layers of a range that are alike, by their places in it, and the tilings that they may run by, those first that seem fastest. */
interface Kind {
  readonly places: readonly number[];
  readonly fits: readonly Fit[];
}

/**
 * Products that share nothing as a group on the whole mini-batch, each kind of them by the tiling with which a few of all kinds are simulated to take
 * least time; undefined where the buffer is too fragmented for that.
 */
export function streamed(ways: Ways, { from, to }: Range): Rated | undefined {
  const { planner } = ways;
  const { batch } = planner.network;
  const { accesses, fits: given } = planner.wholeBatch(from, to, 'none');
  const kinds = kindsOf(planner, from, accesses, given);
  const cyclesOf = simulated(ways, from, accesses, kinds);
  let fits = kinds.reduce((all, { places, fits: [first] }) => (first === undefined ? all : replaced(all, places, first)), given);
  let least = cyclesOf(fits);
  for (let round = 0; round < ROUNDS; round++) {
    for (const { places, fits: possible } of kinds) {
      for (const fit of possible) {
        const other = replaced(fits, places, fit);
        const cycles = cyclesOf(other);
        if (cycles < least) [fits, least] = [other, cycles];
      }
    }
  }
  const placed = planner.tryPlace(planner.draftOf(from, to, batch, accesses, fits));
  return placed && ways.closest([ways.rate(placed)]);
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

/** The cycles that some layers of every kind take together by given tilings of all; infinite where they have no place. */
function simulated(ways: Ways, from: number, { inputs, outputs }: GroupAccesses, kinds: readonly Kind[]): (fits: readonly Fit[]) => number {
  const { planner } = ways;
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
    return 'blocked' in placed ? Number.POSITIVE_INFINITY : ways.rate(placed).cycles;
  };
}

function replaced(fits: readonly Fit[], places: readonly number[], fit: Fit): readonly Fit[] {
  const own = new Set(places);
  return fits.map((before, i) => (own.has(i) ? fit : before));
}
