import type { Issue } from './simulate.ts';

/** Share of moves that take several adjacent issues along, and how many at most. */
const MOVES_OF_SEVERAL = 0.3;
const MOST_MOVED = 5;
/** Places that an issue is moved by, at most. */
const FARTHEST = 40;
/** By how much, as a share of the cycles, an order may be slower than the one before at the beginning of the search; at its end not at all. */
const HEAT = 3e-4;

/** What moves are possible. */
export interface Passing {
  /** Whether two issues may change places. */
  readonly mayPass: (a: Issue, b: Issue) => boolean;
  /** Whether it may be issued in the round before. */
  readonly mayLead: (issue: Issue) => boolean;
}

/** Improves an order of issue by moves, as long as `cyclesOf` falls or, at first, rises a little; deterministic for a seed. */
export function improve(
  order: readonly Issue[],
  passing: Passing,
  cyclesOf: (order: readonly Issue[]) => number,
  evaluations: number,
  seed: number,
): { readonly order: readonly Issue[]; readonly cycles: number } {
  const random = generator(seed);
  let present = { order: [...order], cycles: cyclesOf(order) };
  let best = present;
  for (let i = 0; i < evaluations; i++) {
    const tried = moved(present.order, passing, random);
    if (tried === undefined) continue;
    const cycles = cyclesOf(tried);
    const heat = HEAT * present.cycles * (1 - i / evaluations);
    if (cycles > present.cycles && random() >= Math.exp((present.cycles - cycles) / heat)) continue;
    present = { order: tried, cycles };
    if (cycles < best.cycles) best = present;
  }
  return best;
}

/** An order with some adjacent issues moved; undefined where they cannot move. */
function moved(order: readonly Issue[], { mayPass, mayLead }: Passing, random: () => number): Issue[] | undefined {
  const count = random() < MOVES_OF_SEVERAL ? 2 + Math.floor(random() * (MOST_MOVED - 1)) : 1;
  const from = Math.floor(random() * order.length);
  const issues = order.slice(from, from + count);
  const most = 1 + Math.floor(random() ** 2 * FARTHEST);
  const forward = random() < 0.5;
  const [only] = issues;
  if (count === 1 && only !== undefined && (forward ? only.ahead === true : mayLead(only)))
    return around(order, from, mayPass, most, forward);
  let by = 0;
  for (; by < most; by++) {
    const other = order[forward ? from + count + by : from - 1 - by];
    if (other === undefined || !issues.every((issue) => mayPass(issue, other))) break;
  }
  if (by === 0) return undefined;
  const tried = [...order];
  tried.splice(from, count);
  tried.splice(forward ? from + by : from - by, 0, ...issues);
  return tried;
}

/** An order with first loads moved, if need be to the end of the round before, or back from there; undefined where they cannot move. */
function around(order: readonly Issue[], from: number, mayPass: Passing['mayPass'], most: number, forward: boolean): Issue[] | undefined {
  const issue = order[from];
  if (issue === undefined) return undefined;
  const others = order.toSpliced(from, 1);
  let at = from;
  let isAhead = issue.ahead === true;
  let by = 0;
  for (; by < most; by++) {
    const other = others[forward ? at : at - 1];
    if (other === undefined) {
      // Round the end, from one round into the other, and no further.
      if (isAhead !== forward) break;
      isAhead = !forward;
      at = forward ? 0 : others.length;
    } else if (mayPass(issue, other)) at += forward ? 1 : -1;
    else break;
  }
  if (by === 0) return undefined;
  const { task, head } = issue;
  return others.toSpliced(at, 0, isAhead ? { task, head, ahead: true } : { task, head });
}

/** Numbers in [0, 1), the same for a seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
