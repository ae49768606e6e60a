import type { TensorKind } from '../../ir/tensor.ts';
import { divisionOf, isDivided, type Reduction } from './division.ts';
import type { LayerView, Network } from './network.ts';
import type { Resources, Schedule } from './schedule.ts';
import { burstBytes } from './tiling.ts';
import { iterationKinds } from './tilings.ts';
import { pieces, visitTransfers } from './transfers.ts';

/** Bytes that cross the DRAM pins, rounded up to bursts. */
export interface Bytes {
  read: number;
  write: number;
}

type LayerTraffic = Partial<Record<TensorKind, Bytes>>;

/** Layer name → tensor kind → bytes of one training step (or inference) of the mini-batch, of all cores. */
export type PredictedTraffic = Record<string, LayerTraffic>;

/** DRAM traffic of a schedule, from its accesses and tilings alone. */
export function predictTraffic(network: Network, schedule: Schedule, resources: Resources): PredictedTraffic {
  const byName = new Map<string, LayerView>(network.layers.map((v) => [v.layer.name, v]));
  const traffic: PredictedTraffic = {};
  for (const group of schedule.groups) {
    const cores = isDivided(group.phase) ? network.cores : 1;
    for (const step of group.steps) {
      const view = byName.get(step.layer);
      if (view === undefined) continue;
      const layer: LayerTraffic = {};
      for (const iteration of iterationKinds(network.batch, group.subBatch)) {
        visitTransfers(view, step.inputs, step.outputs, step, iteration, (_tensor, kind, direction, rows, rowBytes, contiguous, times) => {
          const bytes = layer[kind] ?? { read: 0, write: 0 };
          bytes[direction] += burstBytes(rows, rowBytes, contiguous, resources.burstBytes) * times * cores;
          layer[kind] = bytes;
        });
      }
      traffic[step.layer] = layer;
    }
  }
  for (const reduction of divisionOf(network, resources).reductions) traffic[reduction.layer] = reducedTraffic(reduction, resources);
  return traffic;
}

/** All bytes of a step. */
export function totalBytes(traffic: PredictedTraffic): number {
  const byKind = Object.values(traffic).flatMap((layer) => Object.values(layer));
  return byKind.reduce((sum, { read, write }) => sum + read + write, 0);
}

/** The partial sums of all cores come in, their sum goes out. */
function reducedTraffic({ kind, bytes, chunk }: Reduction, { cores, burstBytes: burst }: Resources): LayerTraffic {
  const once = pieces(bytes, chunk).reduce((sum, piece) => sum + piece.count * burstBytes(1, piece.size, true, burst), 0);
  return { [kind]: { read: cores * once, write: once } };
}
