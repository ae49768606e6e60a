/** What other ways to run its groups may make of the rough estimate of a schedule, at most. */
const MOST_GAIN = 1.5;
/** How much slower than the best a schedule in its fastest ways may be estimated to be of which these are measured. */
const MOST_DOUBTFUL = 1.02;

/** A candidate in its fastest ways, and the cycles that it takes in them. */
export interface Timed<T> {
  readonly scheduled: T;
  readonly cycles: number;
}

interface Means<T> {
  readonly roughly: (candidate: T) => number;
  /** Its fastest ways by estimates. */
  readonly estimated: (candidate: T) => Timed<T>;
  /** The same by what is executed, where that is possible. */
  readonly measured?: ((candidate: T) => Timed<T>) | undefined;
}

/** The candidate that ends first in its fastest ways; undefined where there is none. Rough estimates tell which to try, estimates which to measure. */
export function soonest<T>(candidates: readonly T[], { roughly, estimated, measured }: Means<T>): T | undefined {
  const rated = candidates.map((candidate) => ({ candidate, cycles: roughly(candidate) })).sort((a, b) => a.cycles - b.cycles);
  const tried: { readonly candidate: T; readonly timed: Timed<T> }[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (const { candidate, cycles } of rated) {
    if (cycles > least * MOST_GAIN) break;
    const timed = estimated(candidate);
    tried.push({ candidate, timed });
    least = Math.min(least, timed.cycles);
  }
  const doubtful = tried.filter(({ timed }) => timed.cycles <= least * MOST_DOUBTFUL);
  const finalists = doubtful.map(({ candidate, timed }) => measured?.(candidate) ?? timed);
  return finalists.sort((a, b) => a.cycles - b.cycles)[0]?.scheduled;
}
