import type { TensorKind } from '../../ir/tensor.ts';
import type { LayerView, Network } from './network.ts';
import { iterationKinds } from './planner.ts';
import type { Schedule } from './schedule.ts';
import { burstBytes } from './tiling.ts';
import { visitTransfers } from './transfers.ts';

/** Bytes that cross the DRAM pins, rounded up to bursts. */
export interface Bytes {
  read: number;
  write: number;
}

/** Layer name → tensor kind → bytes of one training step (or inference) of the mini-batch. */
export type PredictedTraffic = Record<string, Partial<Record<TensorKind, Bytes>>>;

/** DRAM traffic of a schedule, from its accesses and tilings alone. */
export function predictTraffic(network: Network, schedule: Schedule, burst: number): PredictedTraffic {
  const byName = new Map<string, LayerView>(network.layers.map((v) => [v.layer.name, v]));
  const traffic: PredictedTraffic = {};
  for (const group of schedule.groups) {
    for (const step of group.steps) {
      const view = byName.get(step.layer);
      if (view === undefined) continue;
      const layer: Partial<Record<TensorKind, Bytes>> = {};
      for (const iteration of iterationKinds(network.batch, group.subBatch)) {
        visitTransfers(view, step.inputs, step.outputs, step, iteration, (_tensor, kind, direction, rows, rowBytes, contiguous, times) => {
          const bytes = layer[kind] ?? { read: 0, write: 0 };
          bytes[direction] += burstBytes(rows, rowBytes, contiguous, burst) * times;
          layer[kind] = bytes;
        });
      }
      traffic[step.layer] = layer;
    }
  }
  return traffic;
}
