import { ALIGNMENT } from './schedule.ts';
import { isTogether } from './stages.ts';

/** A block of the global buffer that is in use from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly key: string;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Placements, for each block, after which a plan is given up; with 1 no block is displaced. */
const PATIENCE = 12;
/** The same, where no fewer blocks are left to place: what comes to its end does so within 2.75. */
const STANDSTILL = 3;

/**
 * Addresses such that blocks alive at the same step do not overlap; the largest block is placed first, each in the smallest gap that holds it.
 * A block without a gap displaces those that cost least: their bytes, times how often they have been displaced before; they are placed anew.
 * If that does not end within `capacity` bytes: the block that found no gap first.
 * @param period steps after which they begin anew, if they do
 */
export function allocate(
  blocks: readonly Lifetime[],
  capacity: number,
  { patience = PATIENCE, period }: { readonly patience?: number; readonly period?: number | undefined } = {},
): Map<string, number> | Lifetime {
  const waiting = [...blocks].sort(
    (a, b) => b.bytes - a.bytes || b.to - b.from - (a.to - a.from) || a.from - b.from || (a.key < b.key ? -1 : 1),
  );
  const placed: Placed[] = [];
  const displaced = new Map<Lifetime, number>();
  let homeless: Lifetime | undefined;
  const most = patience * blocks.length;
  let [fewest, since] = [waiting.length, 0];
  for (let tries = 0; tries < most && tries - since < STANDSTILL * blocks.length; tries++) {
    if (waiting.length < fewest) [fewest, since] = [waiting.length, tries];
    const block = waiting.shift();
    if (block === undefined) break;
    if (block.bytes > capacity) return block;
    const beside = placedBeside(placed, block, period);
    const gap = smallestGap(block, beside, capacity);
    if (gap !== undefined) {
      insert(placed, { block, address: gap });
      continue;
    }
    homeless ??= block;
    // Whatever is displaced now could not be placed again.
    if (most - tries - 1 <= waiting.length) return homeless;
    const { address, inTheWay } = leastInTheWay(block, beside, capacity, displaced);
    for (const other of inTheWay) {
      placed.splice(placed.indexOf(other), 1);
      displaced.set(other.block, (displaced.get(other.block) ?? 0) + 1);
      waiting.unshift(other.block);
    }
    insert(placed, { block, address });
  }
  return homeless !== undefined && waiting.length > 0 ? homeless : new Map(placed.map(({ block, address }) => [block.key, address]));
}

interface Placed {
  readonly block: Lifetime;
  readonly address: number;
}

function placedBeside(placed: readonly Placed[], block: Lifetime, period?: number): Placed[] {
  const beside: Placed[] = [];
  for (const other of placed) if (isTogether(block, other.block, period)) beside.push(other);
  return beside;
}

/** Keeps placed blocks in the order of their addresses. */
function insert(placed: Placed[], own: Placed): void {
  let at = placed.length;
  while (at > 0 && (placed[at - 1]?.address ?? 0) > own.address) at--;
  placed.splice(at, 0, own);
}

/** The smallest place between blocks in the order of their addresses. */
function smallestGap(block: Lifetime, beside: readonly Placed[], capacity: number): number | undefined {
  let best: number | undefined;
  let least = Number.POSITIVE_INFINITY;
  let end = 0;
  const consider = (to: number): void => {
    const bytes = to - end;
    if (bytes >= block.bytes && bytes < least) [best, least] = [end, bytes];
  };
  for (const { block: other, address } of beside) {
    consider(address);
    end = Math.max(end, address + other.bytes);
  }
  consider(capacity);
  return best;
}

/** The place of a block, at an end of the buffer or of another block, where what lies there costs least to displace. */
function leastInTheWay(
  block: Lifetime,
  beside: readonly Placed[],
  capacity: number,
  displaced: ReadonlyMap<Lifetime, number>,
): { readonly address: number; readonly inTheWay: readonly Placed[] } {
  const top = Math.floor((capacity - block.bytes) / ALIGNMENT) * ALIGNMENT;
  const edges = beside.flatMap(({ block: other, address }) => [address - block.bytes, address + other.bytes]);
  const costs = beside.map(({ block: other }) => other.bytes * (1 + (displaced.get(other) ?? 0)) ** 2);
  const isInTheWay = ({ block: other, address }: Placed, at: number): boolean => at < address + other.bytes && address < at + block.bytes;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const at of new Set([0, top, ...edges.filter((edge) => edge >= 0 && edge <= top)])) {
    let cost = 0;
    for (let i = 0; i < beside.length && cost < least; i++) {
      const other = beside[i];
      if (other !== undefined && isInTheWay(other, at)) cost += costs[i] ?? 0;
    }
    if (cost < least) [best, least] = [at, cost];
  }
  return { address: best, inTheWay: beside.filter((other) => isInTheWay(other, best)) };
}
