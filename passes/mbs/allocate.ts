import { ALIGNMENT } from './schedule.ts';

/** A block of the global buffer that is in use from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly key: string;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Placements, for each block, after which a plan is given up; with 1 no block is displaced. */
const PATIENCE = 12;

/**
 * Addresses such that blocks alive at the same step do not overlap; the largest block is placed first, each in the smallest gap that holds it.
 * A block without a gap displaces those that cost least: their bytes, times how often they have been displaced before; they are placed anew.
 * If that does not end within `capacity` bytes: the block that found no gap first.
 */
export function allocate(blocks: readonly Lifetime[], capacity: number, patience = PATIENCE): Map<string, number> | Lifetime {
  const waiting = [...blocks].sort(
    (a, b) => b.bytes - a.bytes || b.to - b.from - (a.to - a.from) || a.from - b.from || (a.key < b.key ? -1 : 1),
  );
  const placed = new Map<Lifetime, number>();
  const alive = new Alive();
  const displaced = new Map<Lifetime, number>();
  let homeless: Lifetime | undefined;
  for (let left = patience * blocks.length; left > 0; left--) {
    const block = waiting.shift();
    if (block === undefined) break;
    if (block.bytes > capacity) return block;
    const beside = alive.beside(block).map((other): Beside[number] => [other, placed.get(other) ?? 0]);
    beside.sort((a, b) => a[1] - b[1]);
    const gap = smallestGap(block, beside, capacity);
    if (gap !== undefined) {
      placed.set(block, gap);
      alive.add(block);
      continue;
    }
    homeless ??= block;
    const { address, inTheWay } = leastInTheWay(block, beside, capacity, displaced);
    for (const other of inTheWay) {
      placed.delete(other);
      alive.remove(other);
      displaced.set(other, (displaced.get(other) ?? 0) + 1);
      waiting.unshift(other);
    }
    placed.set(block, address);
    alive.add(block);
  }
  return homeless !== undefined && waiting.length > 0 ? homeless : new Map([...placed].map(([{ key }, address]) => [key, address]));
}

/** Which blocks are alive at every step. */
class Alive {
  private readonly bySteps: Set<Lifetime>[] = [];

  add(block: Lifetime): void {
    for (let i = block.from; i <= block.to; i++) {
      const at = this.bySteps[i] ?? new Set();
      this.bySteps[i] = at.add(block);
    }
  }

  remove(block: Lifetime): void {
    for (let i = block.from; i <= block.to; i++) this.bySteps[i]?.delete(block);
  }

  beside({ from, to }: Lifetime): Lifetime[] {
    const all = new Set<Lifetime>();
    for (let i = from; i <= to; i++) for (const other of this.bySteps[i] ?? []) all.add(other);
    return [...all];
  }
}

/** Blocks that are alive with another one, and their addresses, in the order of these. */
type Beside = readonly (readonly [block: Lifetime, address: number])[];

function smallestGap(block: Lifetime, beside: Beside, capacity: number): number | undefined {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  let end = 0;
  const consider = (to: number): void => {
    const bytes = to - end;
    if (bytes >= block.bytes && bytes < least) [best, least] = [end, bytes];
  };
  for (const [other, address] of beside) {
    consider(address);
    end = Math.max(end, address + other.bytes);
  }
  consider(capacity);
  return best;
}

/** The place of a block, at an end of the buffer or of another block, where what lies there costs least to displace. */
function leastInTheWay(
  block: Lifetime,
  beside: Beside,
  capacity: number,
  displaced: ReadonlyMap<Lifetime, number>,
): { readonly address: number; readonly inTheWay: readonly Lifetime[] } {
  const top = Math.floor((capacity - block.bytes) / ALIGNMENT) * ALIGNMENT;
  const edges = beside.flatMap(([other, address]) => [address - block.bytes, address + other.bytes]);
  let best: { address: number; inTheWay: readonly Lifetime[] } = { address: 0, inTheWay: [] };
  let least = Number.POSITIVE_INFINITY;
  for (const address of new Set([0, top, ...edges.filter((edge) => edge >= 0 && edge <= top)])) {
    const inTheWay = beside.flatMap(([other, at]) => (at < address + block.bytes && address < at + other.bytes ? [other] : []));
    const cost = inTheWay.reduce((sum, other) => sum + other.bytes * (1 + (displaced.get(other) ?? 0)) ** 2, 0);
    if (cost < least) {
      least = cost;
      best = { address, inTheWay };
    }
  }
  return best;
}
