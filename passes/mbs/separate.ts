import { allocate, type Lifetime } from './allocate.ts';

/** Steps between two blocks up to which it matters that one takes the place of the other. */
const REACH = 6;
/** Rounds in which blocks are moved. */
const ROUNDS = 3;

interface Placed extends Lifetime {
  address: number;
  /** Blocks alive at the same step, and those alive up to `REACH` steps before or behind with what it costs to share a place. */
  readonly together: Placed[];
  readonly near: { readonly block: Placed; readonly cost: number }[];
}

/** Pairs of blocks that may be looked at while lifetimes are widened: bounds the time for groups of many layers. */
const EFFORT = 3e7;

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
      const addresses = allocate(wider, capacity);
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
  const placed = blocks.map((block): Placed => ({ ...block, address: addresses.get(block.key) ?? 0, together: [], near: [] }));
  for (const block of placed) {
    for (const other of placed) {
      const gap = Math.max(other.from - block.to, block.from - other.to);
      if (other === block || gap > REACH) continue;
      if (gap <= 0) block.together.push(other);
      else block.near.push({ block: other, cost: REACH + 1 - gap });
    }
  }
  for (let round = 0; round < ROUNDS; round++) for (const block of placed) move(block, capacity);
  return new Map(placed.map(({ key, address }) => [key, address]));
}

/** Moves a block to the place that it shares least, if that is less than now. */
function move(block: Placed, capacity: number): void {
  const { bytes, together, near } = block;
  const costAt = (address: number, most: number): number => {
    let cost = 0;
    for (const other of near) {
      if (overlap(address, bytes, other.block)) cost += other.cost;
      if (cost >= most) return most;
    }
    return cost;
  };
  let least = costAt(block.address, Number.POSITIVE_INFINITY);
  if (least === 0) return;
  const neighbours = [...together, ...near.map((n) => n.block)];
  const candidates = new Set([0, capacity - bytes, ...neighbours.flatMap((o) => [o.address + o.bytes, o.address - bytes])]);
  for (const address of candidates) {
    if (address < 0 || address + bytes > capacity || together.some((o) => overlap(address, bytes, o))) continue;
    const cost = costAt(address, least);
    if (cost >= least) continue;
    least = cost;
    block.address = address;
  }
}

function overlap(address: number, bytes: number, other: Placed): boolean {
  return address < other.address + other.bytes && other.address < address + bytes;
}
