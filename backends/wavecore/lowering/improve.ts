import type { Issue } from './simulate.ts';

/** Share of moves that take several adjacent issues along, and how many at most. */
const MOVES_OF_SEVERAL = 0.3;
const MOST_MOVED = 5;
/** Places that an issue is moved by, at most. */
const FARTHEST = 40;
/** By how much, as a share of the cycles, an order may be slower than the one before at the beginning of the search; at its end not at all. */
const HEAT = 3e-4;

/** Improves an order of issue by moves, as long as `cyclesOf` falls or, at first, rises a little; deterministic. */
export function improve(
  order: readonly Issue[],
  mayPass: (a: Issue, b: Issue) => boolean,
  cyclesOf: (order: readonly Issue[]) => number,
  evaluations: number,
): Issue[] {
  const random = generator();
  let present = { order: [...order], cycles: cyclesOf(order) };
  let best = present;
  for (let i = 0; i < evaluations; i++) {
    const tried = moved(present.order, mayPass, random);
    if (tried === undefined) continue;
    const cycles = cyclesOf(tried);
    const heat = HEAT * present.cycles * (1 - i / evaluations);
    if (cycles > present.cycles && random() >= Math.exp((present.cycles - cycles) / heat)) continue;
    present = { order: tried, cycles };
    if (cycles < best.cycles) best = present;
  }
  return best.order;
}

/** An order with some adjacent issues moved; undefined where they cannot move. */
function moved(order: readonly Issue[], mayPass: (a: Issue, b: Issue) => boolean, random: () => number): Issue[] | undefined {
  const count = random() < MOVES_OF_SEVERAL ? 2 + Math.floor(random() * (MOST_MOVED - 1)) : 1;
  const from = Math.floor(random() * order.length);
  const issues = order.slice(from, from + count);
  const most = 1 + Math.floor(random() ** 2 * FARTHEST);
  const forward = random() < 0.5;
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

/** Numbers in [0, 1), always the same. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
