import { ALIGNMENT } from './schedule.ts';

/** A block of the global buffer that is in use from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly key: string;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Orders that are tried for each way of choosing gaps: where a block finds no place, it goes first in the next one. */
const ATTEMPTS = 12;

/** Shares of the buffer below which a block is placed from the top down, so that small blocks leave long gaps between large ones. */
const FROM_TOP = [0, 1 / 4, 1 / 8, 1 / 16];

/**
 * Addresses such that blocks alive at the same step do not overlap; the largest block is placed first (greedy by size), and a block that
 * finds no place before all others in another attempt. If no attempt fits `capacity` bytes: the block that found no place in the first one.
 */
export function allocate(blocks: readonly Lifetime[], capacity: number): Map<string, number> | Lifetime {
  const bySize = [...blocks].sort(
    (a, b) => b.bytes - a.bytes || b.to - b.from - (a.to - a.from) || a.from - b.from || (a.key < b.key ? -1 : 1),
  );
  let homeless: Lifetime | undefined;
  for (const share of FROM_TOP) {
    let order = bySize;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const placed = placeInOrder(order, capacity, capacity * share);
      if (placed instanceof Map) return placed;
      homeless ??= placed;
      if (order[0] === placed) break;
      order = [placed, ...order.filter((block) => block !== placed)];
    }
  }
  return homeless ?? new Map();
}

interface Placed {
  readonly block: Lifetime;
  readonly address: number;
}

function placeInOrder(order: readonly Lifetime[], capacity: number, small: number): Map<string, number> | Lifetime {
  /** Sorted by address. */
  const placed: Placed[] = [];
  const addresses = new Map<string, number>();
  for (const block of order) {
    const gaps = gapsFor(block, placed, capacity);
    const address = block.bytes < small ? highest(gaps, block) : smallest(gaps);
    if (address === undefined) return block;
    const at = placed.findIndex((p) => p.address > address);
    placed.splice(at < 0 ? placed.length : at, 0, { block, address });
    addresses.set(block.key, address);
  }
  return addresses;
}

interface Gap {
  readonly from: number;
  readonly bytes: number;
}

/** Where a block can lie beside those that are alive with it. */
function gapsFor(block: Lifetime, placed: readonly Placed[], capacity: number): Gap[] {
  const gaps: Gap[] = [];
  let end = 0;
  const add = (to: number): void => {
    if (to - end >= block.bytes) gaps.push({ from: end, bytes: to - end });
  };
  for (const other of placed) {
    if (other.block.to < block.from || other.block.from > block.to) continue;
    add(other.address);
    end = Math.max(end, other.address + other.block.bytes);
  }
  add(capacity);
  return gaps;
}

function smallest(gaps: readonly Gap[]): number | undefined {
  return gaps.reduce<Gap | undefined>((best, gap) => (best === undefined || gap.bytes < best.bytes ? gap : best), undefined)?.from;
}

/** The end of the last gap, aligned like the block's size. */
function highest(gaps: readonly Gap[], block: Lifetime): number | undefined {
  const last = gaps.at(-1);
  return last === undefined ? undefined : last.from + Math.floor((last.bytes - block.bytes) / ALIGNMENT) * ALIGNMENT;
}
