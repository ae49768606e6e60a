import { allocate, type Lifetime } from './allocate.ts';

/** Steps between two blocks up to which it matters in any case that one takes the place of the other, and what each step less costs. */
const REACH = 8;
const STEP_COST = 0.5;
/** Cycles that a layer should be able to begin ahead of the one before it, beside those that its load takes; so many that it cannot cost 1. */
const AHEAD = 16_000;
const CYCLES = 3000;
/** Moves that are tried for each block, and in all, and the cost that a move may add at first. */
const MOVES = 150;
const MOST_MOVES = 10_000;
const HEAT = 6;
/** How many times as many are tried where several draws are compared. */
const THOROUGH = 5;

/** Pairs of blocks that may be looked at while lifetimes are widened: bounds the time for groups of many layers. */
const EFFORT = 4e6;

/** What is known of the steps of a group. */
export interface Timing {
  /** Steps after which they begin anew, if they do. */
  readonly period?: number | undefined;
  /** Cycles of every step, and bytes that are loaded in one; if known. */
  readonly cycles?: readonly number[];
  readonly bytesPerCycle?: number;
  /** Which of many ways, all about as good; but for the first, 0, they take longer to find. */
  readonly draw?: number;
}

/**
 * Addresses as of `allocate`, and blocks of steps close to each other apart as far as there is room: a layer that reuses a place waits for the one
 * that had it, where it could begin while that still runs. Lifetimes are widened, by halves of the group where the buffer cannot
 * hold all of them, and blocks that still share a place are moved one by one.
 */
export function allocateApart(blocks: readonly Lifetime[], capacity: number, timing: Timing = {}): Map<string, number> | Lifetime {
  const { period } = timing;
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
  const placed = new Neighbours(blocks, best, timing);
  anneal(placed, capacity, timing.draw ?? 0);
  return new Map(blocks.map(({ key }, i) => [key, placed.addresses[i] ?? 0]));
}

/** Blocks by number, their addresses, and which of them are alive at the same step as, or shortly before or behind, which. */
class Neighbours {
  readonly addresses: number[];
  readonly bytes: readonly number[];
  /** For every block, those that are alive with it or near. */
  readonly others: readonly number[][];
  readonly together: readonly number[][];
  /** Those that are near, and what it costs to share a place with them. */
  readonly near: readonly number[][];
  readonly costs: readonly number[][];

  constructor(blocks: readonly Lifetime[], addresses: ReadonlyMap<string, number>, { period, cycles = [], bytesPerCycle = 0 }: Timing) {
    this.addresses = blocks.map(({ key }) => addresses.get(key) ?? 0);
    this.bytes = blocks.map(({ bytes }) => bytes);
    this.others = blocks.map(() => []);
    this.together = blocks.map(() => []);
    this.near = blocks.map(() => []);
    this.costs = blocks.map(() => []);
    const leads = this.bytes.map((bytes) => AHEAD + (bytesPerCycle > 0 ? bytes / bytesPerCycle : 0));
    const longest = Math.max(0, ...leads);
    const timeOf = clock(cycles);
    const numbered = blocks.map((block, number) => ({ ...block, number }));
    const again = period === undefined ? [] : numbered.map((block) => ({ ...block, from: block.from + period, again: true }));
    const ascending = [...numbered.map((block) => ({ ...block, again: false })), ...again].sort((a, b) => a.from - b.from);
    ascending.forEach(({ to, number, again }, i) => {
      for (let j = i + 1; j < ascending.length && !again; j++) {
        const other = ascending[j];
        if (other === undefined) break;
        const gap = other.from - to;
        const between = gap > 0 ? timeOf(other.from) - timeOf(to + 1) : 0;
        // Those behind begin later still.
        if (gap > REACH && between >= longest) break;
        if (other.number === number) continue;
        const late = Math.max(0, (leads[other.number] ?? 0) - between) / CYCLES;
        const cost = late + STEP_COST * Math.max(0, REACH + 1 - gap);
        if (cost === 0) continue;
        this.meet(number, other.number, gap, cost);
        this.meet(other.number, number, gap, cost);
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
  private meet(block: number, other: number, gap: number, cost: number): void {
    this.others[block]?.push(other);
    if (gap <= 0) {
      this.together[block]?.push(other);
      return;
    }
    this.near[block]?.push(other);
    this.costs[block]?.push(cost);
  }
}

/** When a step begins, by the cycles of all of them, which begin anew behind the last. */
function clock(cycles: readonly number[]): (step: number) => number {
  const starts = [0];
  for (const own of cycles) starts.push((starts.at(-1) ?? 0) + own);
  const total = starts.at(-1) ?? 0;
  const count = Math.max(1, cycles.length);
  return (step) => Math.floor(step / count) * total + (starts[step % count] ?? 0);
}

/** Simulated annealing with fixed random numbers: moves blocks to where they share less, at first also to where they share a little more. */
function anneal(placed: Neighbours, capacity: number, draw: number): void {
  const { addresses, bytes, others, near } = placed;
  const random = generator(draw);
  const moves = Math.min(MOVES * addresses.length, MOST_MOVES) * (draw > 0 ? THOROUGH : 1);
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

/** Numbers in [0, 1), always the same for a draw. */
function generator(draw: number): () => number {
  let state = 1 + draw * 7919;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
