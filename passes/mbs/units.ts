import type { Network } from './network.ts';

/** A run of layers. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Runs of layers that belong to one unit. */
export function unitsOf(network: Network, from: number, to: number): Range[] {
  const units: { from: number; to: number; unit: number }[] = [];
  for (const view of network.layers.slice(from, to)) {
    const last = units.at(-1);
    if (last !== undefined && last.unit === view.unit) last.to = view.index + 1;
    else units.push({ from: view.index, to: view.index + 1, unit: view.unit });
  }
  return units;
}
