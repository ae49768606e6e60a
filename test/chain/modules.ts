import { expect } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { importModel } from '../../src/onnx/index.ts';
import { NetworkBuilder, residualNetwork, type Value } from './network.ts';

/** Networks that have, in small, what the schedules of large ones must cope with. */
export const NETWORKS: Readonly<Record<string, (batch: number) => Uint8Array>> = {
  residual: (batch) => residualNetwork(batch),
  inception,
  dense,
  'two losses': twoLosses,
};

function unit(b: NetworkBuilder, x: Value, channels: number, kernel: number, stride = 1): Value {
  return b.relu(b.norm(b.conv(x, channels, { kernel, pad: (kernel - 1) / 2, stride })));
}

/** Modules of four branches, one of which pools, with dropout before the fully connected layer. */
function inception(batch: number): Uint8Array {
  const b = new NetworkBuilder([batch, 3, 16, 16], 2);
  const module = (x: Value, width: number): Value => {
    const double = unit(b, unit(b, unit(b, x, width, 1), width, 3), width, 3);
    const pooled = unit(b, b.averagePool(x, { kernel: 3, stride: 1, pad: 1 }), width, 1);
    return b.concat(unit(b, x, width, 1), unit(b, unit(b, x, width, 1), width, 3), double, pooled);
  };
  const stem = b.maxPool(unit(b, unit(b, b.input, 16, 3), 24, 3), { kernel: 3, stride: 2, pad: 1 });
  const reduced = (x: Value): Value => b.concat(unit(b, x, 16, 3, 2), b.maxPool(x, { kernel: 3, stride: 2, pad: 1 }));
  const last = module(reduced(module(stem, 8)), 16);
  return b.model(b.full(b.dropout(b.flatten(b.globalPool(last))), 10));
}

/** Blocks in which every layer reads all before it; a transition halves the image. */
function dense(batch: number): Uint8Array {
  const b = new NetworkBuilder([batch, 3, 16, 16], 4);
  let x = unit(b, b.input, 16, 3);
  for (const layers of [3, 2]) {
    for (let i = 0; i < layers; i++) x = b.concat(x, b.dropout(b.conv(unit(b, x, 16, 1), 8, { kernel: 3, pad: 1 })));
    x = b.averagePool(b.conv(b.relu(b.norm(x)), 16, { kernel: 1 }), { kernel: 2, stride: 2 });
  }
  return b.model(b.full(b.flatten(b.globalPool(b.relu(b.norm(x)))), 10));
}

/** An auxiliary classifier in the middle, as GoogLeNet has them. */
function twoLosses(batch: number): Uint8Array {
  const b = new NetworkBuilder([batch, 3, 16, 16], 5);
  const middle = b.maxPool(unit(b, unit(b, b.input, 16, 3), 16, 3), { kernel: 2, stride: 2 });
  const aside = b.full(b.dropout(b.relu(b.full(b.flatten(b.averagePool(middle, { kernel: 2, stride: 2 })), 24))), 10);
  const rest = unit(b, unit(b, middle, 32, 3), 32, 3, 2);
  return b.model(b.full(b.flatten(b.globalPool(rest)), 10), aside);
}

/** The training steps of all networks at this mini-batch, imported once. */
export function importedNetworks(batch: number): (name: string) => Graph {
  const graphs = new Map(
    Object.entries(NETWORKS).map(([name, make]) => [name, importModel(make(batch), { file: name, mode: 'training' })]),
  );
  return (name) => graphs.get(name) ?? expect.unreachable();
}
