/** A schedule by two costs. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Slopes that are tried at most: far more than the corners of the schedules that occur. */
const MOST_SLOPES = 24;

/**
 * The point with the least product x·y among all that exist, where `least(a, b)` finds one with the least a·x + b·y: the product is least at a
 * corner of the convex hull, and every corner is found by the slope between two that are known (Eisner and Severance 1976).
 */
export function leastProduct<P extends Point>(least: (a: number, b: number) => P | undefined): P | undefined {
  const [byX, byY] = [least(1, 0), least(0, 1)];
  if (byX === undefined || byY === undefined) return undefined;
  let best = byX.x * byX.y <= byY.x * byY.y ? byX : byY;
  const open: (readonly [P, P])[] = [[byX, byY]];
  for (let left = MOST_SLOPES; left > 0; left--) {
    const pair = open.shift();
    if (pair === undefined) break;
    const [a, b] = pair;
    const [dx, dy] = [b.x - a.x, a.y - b.y];
    if (dx <= 0 || dy <= 0) continue;
    const between = least(dy, dx);
    if (between === undefined || dy * between.x + dx * between.y >= (dy * a.x + dx * a.y) * (1 - 1e-9)) continue;
    if (between.x * between.y < best.x * best.y) best = between;
    open.push([a, between], [between, b]);
  }
  return best;
}
