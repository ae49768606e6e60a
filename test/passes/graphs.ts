import fc from 'fast-check';
import type { Graph } from '../../ir/graph.ts';
import { importModel } from '../../src/onnx/index.ts';
import { NetworkBuilder, type Value } from '../chain/network.ts';

/** One step of growing a random network. */
const LAYERS = ['conv', 'norm', 'relu', 'pool', 'average', 'residual', 'concat', 'wide', 'grouped'] as const;
type LayerChoice = (typeof LAYERS)[number];

export interface RandomNetwork {
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  readonly layers: readonly LayerChoice[];
}

export const randomNetwork: fc.Arbitrary<RandomNetwork> = fc.record({
  batch: fc.integer({ min: 1, max: 12 }),
  size: fc.integer({ min: 6, max: 20 }),
  channels: fc.integer({ min: 1, max: 6 }).map((n) => 4 * n),
  layers: fc.array(fc.constantFrom(...LAYERS), { minLength: 2, maxLength: 9 }),
});

const GROW: Readonly<Record<LayerChoice, (b: NetworkBuilder, x: Value) => Value>> = {
  conv: (b, x) => b.conv(x, x.shape[1] ?? 1, { kernel: 3, pad: 1 }, { bias: true }),
  norm: (b, x) => b.norm(x),
  relu: (b, x) => b.relu(x),
  pool: (b, x) => b.maxPool(x, { kernel: 3, stride: 2, pad: 1 }),
  average: (b, x) => b.averagePool(x, { kernel: 3, stride: 1, pad: 1 }),
  residual: (b, x) => b.sum(b.norm(b.conv(b.relu(b.conv(x, 8, { kernel: 1 })), x.shape[1] ?? 1, { kernel: 3, pad: 1 })), x),
  concat: (b, x) => b.concat(b.conv(x, 4, { kernel: 1 }), b.relu(b.conv(x, 8, { kernel: 3, pad: 1 }))),
  wide: (b, x) => b.conv(x, Math.min(48, 2 * (x.shape[1] ?? 1)), { kernel: 3, pad: 1, stride: 2 }),
  grouped: (b, x) => b.conv(x, x.shape[1] ?? 1, { kernel: 3, pad: 1 }, { groups: 2 }),
};

export function buildNetwork(network: RandomNetwork, mode: 'training' | 'inference' = 'training'): Graph {
  return importModel(buildModel(network), { file: 'random', mode });
}

/** The bytes of the network as an ONNX model. */
export function buildModel({ batch, size, channels, layers }: RandomNetwork): Uint8Array {
  const b = new NetworkBuilder([batch, 3, size, size]);
  let x = b.norm(b.conv(b.input, channels, { kernel: 3, pad: 1 }));
  for (const layer of layers) x = GROW[layer](b, x);
  return b.model(b.full(b.flatten(b.globalPool(x)), 10));
}
