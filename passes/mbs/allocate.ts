/** A block of the global buffer that is in use from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly key: string;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Orders that are tried: where a block finds no place, it goes first in the next one. */
const ATTEMPTS = 24;

/**
 * Addresses such that blocks alive at the same step do not overlap; the largest block is placed first, each in the
 * smallest gap that holds it (greedy by size), and a block that finds no place before all others in another attempt.
 * If no attempt fits `capacity` bytes: the block that found no place in the first one.
 */
export function allocate(blocks: readonly Lifetime[], capacity: number): Map<string, number> | Lifetime {
  let order = [...blocks].sort(
    (a, b) => b.bytes - a.bytes || b.to - b.from - (a.to - a.from) || a.from - b.from || (a.key < b.key ? -1 : 1),
  );
  let homeless: Lifetime | undefined;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const placed = placeInOrder(order, capacity);
    if (placed instanceof Map) return placed;
    homeless ??= placed;
    order = [placed, ...order.filter((block) => block !== placed)];
  }
  return homeless ?? new Map();
}

function placeInOrder(order: readonly Lifetime[], capacity: number): Map<string, number> | Lifetime {
  const placed: { readonly block: Lifetime; readonly address: number }[] = [];
  const addresses = new Map<string, number>();
  for (const block of order) {
    const address = bestGap(block, placed, capacity);
    if (address === undefined) return block;
    const entry = { block, address };
    const at = placed.findIndex((p) => p.address > address);
    placed.splice(at < 0 ? placed.length : at, 0, entry);
    addresses.set(block.key, address);
  }
  return addresses;
}

/** `placed` is sorted by address. */
function bestGap(
  block: Lifetime,
  placed: readonly { readonly block: Lifetime; readonly address: number }[],
  capacity: number,
): number | undefined {
  let best: number | undefined;
  let bestSize = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const other of placed) {
    if (other.block.to < block.from || other.block.from > block.to) continue;
    const gap = other.address - end;
    if (gap >= block.bytes && gap < bestSize) {
      best = end;
      bestSize = gap;
    }
    end = Math.max(end, other.address + other.block.bytes);
  }
  const rest = capacity - end;
  if (rest >= block.bytes && rest < bestSize) best = end;
  return best;
}
