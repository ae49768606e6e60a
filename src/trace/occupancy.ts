import type { Allocation, Program, RowInfo } from '../../backends/wavecore/index.ts';

/** Bytes of the global buffer that the schedule has given to live tensors and blocks, by layer of a group. */
export class Occupancy {
  private readonly bytes = new Map<string, number>();

  constructor({ debug, buffer }: Pick<Program, 'debug' | 'buffer'>) {
    const order = new Map<string, number>();
    for (const range of debug) if (!order.has(keyOf(range))) order.set(keyOf(range), order.size);
    const layers = [...order.keys()];
    const alive = layers.map((): Allocation[] => []);
    for (const allocation of buffer) {
      const { group, layers: users } = allocation;
      const positionOf = (layer = ''): number => order.get(keyOf({ group, layer })) ?? -1;
      const last = positionOf(users.at(-1)?.layer);
      for (let i = positionOf(users[0]?.layer); i >= 0 && i <= last; i++) alive[i]?.push(allocation);
    }
    for (const [i, key] of layers.entries()) this.bytes.set(key, covered(alive[i] ?? []));
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
function covered(allocations: readonly Allocation[]): number {
  let [bytes, end] = [0, 0];
  for (const a of allocations.toSorted((x, y) => x.address - y.address)) {
    bytes += Math.max(0, a.address + a.bytes - Math.max(a.address, end));
    end = Math.max(end, a.address + a.bytes);
  }
  return bytes;
}
