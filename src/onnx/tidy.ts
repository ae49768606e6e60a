import type { Graph, Layer } from '../../ir/graph.ts';
import { fuseGates } from './gates.ts';

/**
 * A convolution or matrix product whose only user adds a constant for each channel takes that constant as its bias
 * (x·W, Add: how many exporters write a fully connected layer).
 */
function fuseBiases(graph: Graph): Graph {
  const uses = new Map<string, number>();
  for (const name of [...graph.layers.flatMap((l) => l.inputs), ...graph.outputs]) uses.set(name, (uses.get(name) ?? 0) + 1);
  const producers = new Map(graph.layers.flatMap((l) => l.outputs.map((o) => [o, l] as const)));
  const replaced = new Map<Layer, Layer | undefined>();
  for (const layer of graph.layers) {
    const [x = '', scale = '', shift = ''] = layer.inputs;
    const producer = producers.get(x);
    if (layer.kind !== 'affine' || !producer || !isOne(graph, scale) || uses.get(x) !== 1) continue;
    if (!['conv', 'gemm'].includes(producer.kind) || producer.inputs.length !== 2) continue;
    replaced.set(producer, { ...producer, inputs: [...producer.inputs, shift], outputs: layer.outputs });
    replaced.set(layer, undefined);
  }
  return { ...graph, layers: graph.layers.flatMap((l) => (replaced.has(l) ? (replaced.get(l) ?? []) : l)) };
}

function isOne(graph: Graph, name: string): boolean {
  const constant = graph.tensors.get(name)?.constant;
  return constant?.form === 'splat' && constant.value === 1;
}

/** Drops layers that no output needs, and tensors that no layer touches. */
function dropDead(graph: Graph): Graph {
  const needed = new Set(graph.outputs);
  const layers = graph.layers.toReversed().filter((layer) => {
    if (!layer.outputs.some((o) => needed.has(o))) return false;
    for (const input of layer.inputs) needed.add(input);
    return true;
  });
  layers.reverse();
  const touched = new Set([...graph.inputs, ...layers.flatMap((l) => [...l.inputs, ...l.outputs])]);
  return { ...graph, layers, tensors: new Map([...graph.tensors].filter(([name]) => touched.has(name))) };
}

/** What is left to do once all layers are known. */
export function tidy(graph: Graph): Graph {
  return dropDead(fuseGates(fuseBiases(graph)));
}
