import type { LayerView, Network } from '../network.ts';
import type { Uses } from '../residency.ts';

/** Layers [from, to) of a network that run back to back, and what of them lies in DRAM in any case. */
export interface Part {
  readonly network: Network;
  readonly uses: Uses;
  readonly from: number;
  readonly to: number;
  /** Storages that layers elsewhere read from DRAM. */
  readonly stored: ReadonlySet<string>;
  /** Storages that never stay on chip. */
  readonly refused: ReadonlySet<string>;
  /** The storages that may lie on chip when the part starts, and stay there behind it. */
  readonly enters?: string | undefined;
  readonly exits?: string | undefined;
  /** Whether it may also run as several groups: a single piece, which computes no product again. */
  readonly splits: boolean;
  /** The same layers in which those joined ones are a weight gradient alone, without its update; absent where there are none. */
  readonly apart?: (joined: ReadonlySet<string>) => Pick<Part, 'network' | 'uses'>;
}

export function viewsOf({ network, from, to }: Part): readonly LayerView[] {
  return network.layers.slice(from, to);
}
