import type { Issue } from './simulate.ts';

/** Improves an order of issue by moving single tasks, as long as `cyclesOf` falls; deterministic. */
export function improve(
  order: readonly Issue[],
  mayPass: (a: Issue, b: Issue) => boolean,
  cyclesOf: (order: readonly Issue[]) => number,
  evaluations: number,
): Issue[] {
  const random = generator();
  let best = [...order];
  let cycles = cyclesOf(best);
  for (let i = 0; i < evaluations; i++) {
    const from = Math.floor(random() * best.length);
    const moved = best[from];
    if (moved === undefined) continue;
    const reach = 1 + Math.floor(random() ** 2 * 40);
    const step = random() < 0.5 ? -1 : 1;
    let to = from;
    while (Math.abs(to - from) < reach) {
      const other = best[to + step];
      if (other === undefined || !mayPass(moved, other)) break;
      to += step;
    }
    if (to === from) continue;
    const tried = [...best];
    tried.splice(from, 1);
    tried.splice(to, 0, moved);
    const now = cyclesOf(tried);
    if (now > cycles) continue;
    best = tried;
    cycles = now;
  }
  return best;
}

/** Numbers in [0, 1), always the same. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
