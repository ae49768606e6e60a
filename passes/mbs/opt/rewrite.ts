import type { Graph, Layer, Tensor } from '../../../ir/graph.ts';
import { recordOf } from '../../../ir/layers/index.ts';

/**
 * The step with another backward part: `layers` in order, which may make `tensors` that the graph does not have yet. Layers that only
 * relabel a tensor come where their result is read first. Forward results that backward no longer reads are no stash.
 */
export function withBackward(graph: Graph, layers: readonly Layer[], made: readonly Tensor[]): Graph {
  const isAlias = (layer: Layer): boolean => recordOf(layer.kind).unit === 'alias';
  const old = graph.layers.filter((layer) => layer.phase === 'backward' && isAlias(layer));
  const pending = new Map(old.flatMap((layer) => layer.outputs.map((output) => [output, layer] as const)));
  const backward: Layer[] = [];
  const emit = (layer: Layer): void => {
    for (const input of layer.inputs) {
      const alias = pending.get(input);
      if (alias === undefined) continue;
      pending.delete(input);
      emit(alias);
    }
    backward.push(layer);
  };
  for (const layer of layers) emit(layer);
  for (const layer of pending.values()) emit(layer);
  const of = (phase: Layer['phase']): Layer[] => graph.layers.filter((layer) => layer.phase === phase);
  const all = [...of('forward'), ...backward, ...of('update')];
  return { ...graph, layers: all, tensors: tensorsOf(graph, all, made) };
}

function tensorsOf(graph: Graph, layers: readonly Layer[], made: readonly Tensor[]): Map<string, Tensor> {
  const read = new Set(layers.filter(({ phase }) => phase === 'backward').flatMap(({ inputs }) => inputs));
  for (const { kind, phase, inputs, outputs } of [...layers].reverse())
    if (phase === 'forward' && recordOf(kind).unit === 'alias' && read.has(outputs[0] ?? '')) read.add(inputs[0] ?? '');
  const present = new Set(layers.flatMap(({ outputs }) => outputs));
  const produced = new Set(graph.layers.flatMap(({ outputs }) => outputs));
  const all = [...graph.tensors.values()].filter(({ name }) => present.has(name) || !produced.has(name));
  const retold = all.map(
    (tensor): Tensor => (tensor.kind === 'stash' && !read.has(tensor.name) ? { ...tensor, kind: 'activation' } : tensor),
  );
  return new Map([...retold, ...made].map((tensor) => [tensor.name, tensor]));
}
