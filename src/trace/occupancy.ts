import type { Allocation, Program, RowInfo } from '../../backends/wavecore/index.ts';

/** Bytes of the global buffer that the schedule has given to live tensors and blocks, by layer of a group. */
export class Occupancy {
  private readonly bytes = new Map<string, number>();

  constructor({ debug, buffer }: Pick<Program, 'debug' | 'buffer'>) {
    const order = new Map<string, number>();
    for (const range of debug) if (!order.has(keyOf(range))) order.set(keyOf(range), order.size);
    const lives = buffer.map(({ group, layers, ...place }) => ({
      ...place,
      from: order.get(keyOf({ group, layer: layers[0]?.layer ?? '' })) ?? 0,
      to: order.get(keyOf({ group, layer: layers.at(-1)?.layer ?? '' })) ?? -1,
    }));
    for (const [key, at] of order) {
      this.bytes.set(key, covered(lives.filter(({ from, to }) => from <= at && at <= to)));
    }
  }

  /** Bytes while a layer runs. */
  of(layer: Pick<RowInfo, 'group' | 'layer'>): number {
    return this.bytes.get(keyOf(layer)) ?? 0;
  }
}

function keyOf({ group, layer }: Pick<RowInfo, 'group' | 'layer'>): string {
  return `${group} ${layer}`;
}

/** Bytes that lie in at least one of the allocations. */
function covered(allocations: readonly Pick<Allocation, 'address' | 'bytes'>[]): number {
  let [bytes, end] = [0, 0];
  for (const a of allocations.toSorted((x, y) => x.address - y.address)) {
    bytes += Math.max(0, a.address + a.bytes - Math.max(a.address, end));
    end = Math.max(end, a.address + a.bytes);
  }
  return bytes;
}
