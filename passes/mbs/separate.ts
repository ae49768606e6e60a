import { allocate, type Lifetime } from './allocate.ts';

/** Steps between two blocks up to which it matters that one takes the place of the other. */
const REACH = 8;
/** Moves that are tried for each block, and in all, and the cost that a move may add at first. */
const MOVES = 150;
const MOST_MOVES = 10_000;
const HEAT = 6;

/** Pairs of blocks that may be looked at while lifetimes are widened: bounds the time for groups of many layers. */
const EFFORT = 4e6;

/**
 * Addresses as of `allocate`, and blocks of steps close to each other apart as far as there is room: a layer that reuses a place waits for the one
 * that had it, where it could begin while that still runs. Lifetimes are widened, by halves of the group where the buffer cannot
 * hold all of them, and blocks that still share a place are moved one by one.
 * @param period steps after which they begin anew, if they do
 */
export function allocateApart(blocks: readonly Lifetime[], capacity: number, period?: number): Map<string, number> | Lifetime {
  const plain = allocate(blocks, capacity, { period });
  if (!(plain instanceof Map)) return plain;
  let best = plain;
  let lifetimes = blocks;
  let attempts = EFFORT / blocks.length ** 2;
  /** Widens the blocks that begin with the steps [from, to). */
  const widen = (from: number, to: number): void => {
    for (let distance = REACH; distance > 0 && attempts >= 1; distance = to - from > 1 ? 0 : distance >> 1) {
      const wider = lifetimes.map((b, i) => {
        const begin = blocks[i]?.from ?? 0;
        return begin < from || begin >= to ? b : { ...b, from: b.from - distance, to: b.to + distance };
      });
      attempts--;
      const addresses = allocate(wider, capacity, { patience: 1, period });
      if (!(addresses instanceof Map)) continue;
      best = addresses;
      lifetimes = wider;
      return;
    }
    if (to - from <= 1) return;
    const middle = (from + to) >> 1;
    widen(from, middle);
    widen(middle, to);
  };
  widen(0, 1 + blocks.reduce((last, b) => Math.max(last, b.from), 0));
  return separate(blocks, best, capacity, period);
}

function separate(
  blocks: readonly Lifetime[],
  addresses: ReadonlyMap<string, number>,
  capacity: number,
  period?: number,
): Map<string, number> {
  const placed = new Neighbours(blocks, addresses, period);
  anneal(placed, capacity);
  return new Map(blocks.map(({ key }, i) => [key, placed.addresses[i] ?? 0]));
}

/** Blocks by number, their addresses, and which of them are alive at the same step as, or up to `REACH` steps before or behind, which. */
class Neighbours {
  readonly addresses: number[];
  readonly bytes: readonly number[];
  /** For every block, those that are alive with it or near. */
  readonly others: readonly number[][];
  readonly together: readonly number[][];
  /** Those that are near, and what it costs to share a place with them. */
  readonly near: readonly number[][];
  readonly costs: readonly number[][];

  constructor(blocks: readonly Lifetime[], addresses: ReadonlyMap<string, number>, period?: number) {
    this.addresses = blocks.map(({ key }) => addresses.get(key) ?? 0);
    this.bytes = blocks.map(({ bytes }) => bytes);
    this.others = blocks.map(() => []);
    this.together = blocks.map(() => []);
    this.near = blocks.map(() => []);
    this.costs = blocks.map(() => []);
    const numbered = blocks.map((block, number) => ({ ...block, number }));
    const again = period === undefined ? [] : numbered.map((block) => ({ ...block, from: block.from + period, again: true }));
    const ascending = [...numbered.map((block) => ({ ...block, again: false })), ...again].sort((a, b) => a.from - b.from);
    ascending.forEach(({ to, number, again }, i) => {
      for (let j = i + 1; j < ascending.length && !again; j++) {
        const other = ascending[j];
        const gap = (other?.from ?? 0) - to;
        // Those behind begin later still.
        if (other === undefined || gap > REACH) break;
        if (other.number === number) continue;
        this.meet(number, other.number, gap);
        this.meet(other.number, number, gap);
      }
    });
  }

  costAt(block: number, address: number): number {
    const [near = [], costs = []] = [this.near[block], this.costs[block]];
    const end = address + (this.bytes[block] ?? 0);
    let cost = 0;
    for (let i = 0; i < near.length; i++) if (this.overlaps(address, end, near[i] ?? 0)) cost += costs[i] ?? 0;
    return cost;
  }

  isTaken(block: number, address: number): boolean {
    const end = address + (this.bytes[block] ?? 0);
    for (const other of this.together[block] ?? []) if (this.overlaps(address, end, other)) return true;
    return false;
  }

  private overlaps(address: number, end: number, other: number): boolean {
    const at = this.addresses[other] ?? 0;
    return address < at + (this.bytes[other] ?? 0) && at < end;
  }

  /** Notes that `other` is alive with, or `gap` steps from, a block. */
  private meet(block: number, other: number, gap: number): void {
    this.others[block]?.push(other);
    if (gap <= 0) {
      this.together[block]?.push(other);
      return;
    }
    this.near[block]?.push(other);
    this.costs[block]?.push(REACH + 1 - gap);
  }
}

/** Simulated annealing with fixed random numbers: moves blocks to where they share less, at first also to where they share a little more. */
function anneal(placed: Neighbours, capacity: number): void {
  const { addresses, bytes, others, near } = placed;
  const random = generator();
  const moves = Math.min(MOVES * addresses.length, MOST_MOVES);
  for (let move = 0; move < moves; move++) {
    const block = Math.floor(random() * addresses.length);
    const around = others[block] ?? [];
    if (near[block]?.length === 0 || around.length === 0) continue;
    const other = around[Math.floor(random() * around.length)] ?? 0;
    const own = bytes[block] ?? 0;
    const from = addresses[block] ?? 0;
    const address = random() < 0.5 ? (addresses[other] ?? 0) + (bytes[other] ?? 0) : (addresses[other] ?? 0) - own;
    if (address < 0 || address + own > capacity || address === from) continue;
    const heat = HEAT * (1 - move / moves) * random();
    if (placed.isTaken(block, address)) continue;
    if (placed.costAt(block, address) - placed.costAt(block, from) <= heat) addresses[block] = address;
  }
}

/** Numbers in [0, 1), always the same. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
