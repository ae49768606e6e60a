import { allocate, type Lifetime } from './allocate.ts';

/** Steps between two blocks up to which it matters that one takes the place of the other. */
const REACH = 8;
/** Moves that are tried for each block, and in all, and the cost that a move may add at first. */
const MOVES = 150;
const MOST_MOVES = 10_000;
const HEAT = 6;

interface Placed extends Lifetime {
  address: number;
  /** Blocks alive at the same step, and those alive up to `REACH` steps before or behind with what it costs to share a place. */
  readonly together: Placed[];
  /** These, and those that are near. */
  readonly others: Placed[];
  readonly near: { readonly block: Placed; readonly cost: number }[];
}

/** Pairs of blocks that may be looked at while lifetimes are widened: bounds the time for groups of many layers. */
const EFFORT = 4e6;

/**
 * Addresses as of `allocate`, and blocks of steps close to each other apart as far as there is room: a layer that reuses a place waits for the one
 * that had it, where it could begin while that still runs. Lifetimes are widened, by halves of the group where the buffer cannot
 * hold all of them, and blocks that still share a place are moved one by one.
 */
export function allocateApart(blocks: readonly Lifetime[], capacity: number): Map<string, number> | Lifetime {
  const plain = allocate(blocks, capacity);
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
      const addresses = allocate(wider, capacity, 1);
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
  return separate(blocks, best, capacity);
}

function separate(blocks: readonly Lifetime[], addresses: ReadonlyMap<string, number>, capacity: number): Map<string, number> {
  const placed = blocks.map((block): Placed => ({ ...block, address: addresses.get(block.key) ?? 0, together: [], others: [], near: [] }));
  const ascending = [...placed].sort((a, b) => a.from - b.from);
  ascending.forEach((block, i) => {
    for (let j = i + 1; j < ascending.length; j++) {
      const other = ascending[j];
      const gap = (other?.from ?? 0) - block.to;
      // Those behind begin later still.
      if (other === undefined || gap > REACH) break;
      meet(block, other, gap);
      meet(other, block, gap);
    }
  });
  anneal(placed, capacity);
  return new Map(placed.map(({ key, address }) => [key, address]));
}

/** Notes that `other` is alive with, or `gap` steps from, a block. */
function meet(block: Placed, other: Placed, gap: number): void {
  block.others.push(other);
  if (gap <= 0) block.together.push(other);
  else block.near.push({ block: other, cost: REACH + 1 - gap });
}

/** Simulated annealing with fixed random numbers: moves blocks to where they share less, at first also to where they share a little more. */
function anneal(placed: readonly Placed[], capacity: number): void {
  const random = generator();
  const moves = Math.min(MOVES * placed.length, MOST_MOVES);
  for (let move = 0; move < moves; move++) {
    const block = placed[Math.floor(random() * placed.length)];
    if (block === undefined || block.near.length === 0) continue;
    const other = block.others[Math.floor(random() * block.others.length)];
    if (other === undefined) continue;
    const address = random() < 0.5 ? other.address + other.bytes : other.address - block.bytes;
    if (address < 0 || address + block.bytes > capacity || address === block.address) continue;
    const added = costAt(block, address) - costAt(block, block.address);
    if (added > HEAT * (1 - move / moves) * random()) continue;
    if (block.together.some((o) => overlap(address, block.bytes, o))) continue;
    block.address = address;
  }
}

function costAt({ bytes, near }: Placed, address: number): number {
  let cost = 0;
  for (const { block, cost: own } of near) if (overlap(address, bytes, block)) cost += own;
  return cost;
}

/** Numbers in [0, 1), always the same. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function overlap(address: number, bytes: number, other: Placed): boolean {
  return address < other.address + other.bytes && other.address < address + bytes;
}
