import type { Bytes, LayerTraffic } from '../../backends/wavecore/program.ts';
import { TENSOR_KINDS, type TensorKind } from '../../ir/tensor.ts';
import { coresText } from './step.ts';
import { table } from './table.ts';
import { bytesText, shareText } from './units.ts';

export type TrafficByKind = Readonly<Partial<Record<TensorKind, Bytes>>>;

/** How tensor kinds are called in reports. */
export const KIND_NAMES: Readonly<Record<TensorKind, string>> = {
  input: 'input',
  weight: 'weight',
  weightGradient: 'weight gradient',
  activation: 'activation',
  stash: 'stash',
  maskIndex: 'mask, index',
  activationGradient: 'activation gradient',
  statistics: 'statistics',
  optimizerState: 'optimizer state',
  output: 'output',
};

/** Traffic by tensor kind, read and written, with the total. */
export function trafficTable(byKind: TrafficByKind): string {
  const total = totalOf(byKind);
  const all = total.read + total.write;
  const rows = TENSOR_KINDS.flatMap((kind) => {
    const bytes = byKind[kind];
    if (bytes === undefined) return [];
    const sum = bytes.read + bytes.write;
    return [[KIND_NAMES[kind], bytesText(bytes.read), bytesText(bytes.write), bytesText(sum), shareText(sum, all)]];
  });
  rows.push(['total', bytesText(total.read), bytesText(total.write), bytesText(all), shareText(all, all)]);
  return table([{ head: 'tensors', align: 'left' }, { head: 'read' }, { head: 'written' }, { head: 'both' }, { head: 'share' }], rows);
}

/** What traffic means in a report on so many cores. */
export function trafficDefinition(cores: number): string {
  return `Traffic: bytes across the DRAM pins of ${coresText(cores)} in one step, each transfer rounded up to bursts; 1 GB = 10^9 bytes.`;
}

/** Sum over the layers of a prediction. */
export function trafficByKind(layers: LayerTraffic): TrafficByKind {
  const sums: Partial<Record<TensorKind, Bytes>> = {};
  for (const layer of Object.values(layers)) {
    for (const kind of TENSOR_KINDS) {
      const more = layer[kind];
      if (more === undefined) continue;
      const { read, write } = sums[kind] ?? { read: 0, write: 0 };
      sums[kind] = { read: read + more.read, write: write + more.write };
    }
  }
  return sums;
}

export function totalOf(byKind: TrafficByKind): Bytes {
  const all = Object.values(byKind);
  return { read: all.reduce((sum, b) => sum + b.read, 0), write: all.reduce((sum, b) => sum + b.write, 0) };
}
