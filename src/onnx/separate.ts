import type { Graph, Layer, Tensor } from '../../ir/graph.ts';
import { GATHER_DIMS } from '../../ir/layers/gather.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { elementCount } from '../../ir/tensor.ts';

/** Name of the table of a copy: an offset of 0 for each dimension. */
const TABLE = 'copy.offsets';

/**
 * Gives every output memory of its own: one that merely renames an input, or what another output names already, is copied.
 */
export function separateOutputs(graph: Graph): Graph {
  const producers = new Map(graph.layers.flatMap((l) => l.outputs.map((o) => [o, l] as const)));
  const rootOf = (name: string): string => {
    const layer = producers.get(name);
    return layer !== undefined && recordOf(layer.kind).unit === 'alias' ? rootOf(layer.inputs[0] ?? '') : name;
  };
  const taken = new Set(graph.inputs);
  const copied = new Set<Layer>();
  for (const output of graph.outputs) {
    const root = rootOf(output);
    const layer = producers.get(output);
    if (taken.has(root) && layer !== undefined && root !== output) copied.add(layer);
    taken.add(root);
  }
  if (copied.size === 0) return graph;
  const tensors = new Map(graph.tensors);
  let table = TABLE;
  while (tensors.has(table)) table += "'";
  const offsets: Tensor = {
    name: table,
    type: { dtype: 'i32', shape: [GATHER_DIMS] },
    kind: 'maskIndex',
    batched: false,
    constant: { form: 'values', values: new Int32Array(GATHER_DIMS) },
  };
  tensors.set(table, offsets);
  const copy = (layer: Layer): Layer => {
    const shape = tensors.get(layer.outputs[0] ?? '')?.type.shape.slice(1) ?? [];
    return {
      ...layer,
      kind: 'gather',
      inputs: [...layer.inputs, table],
      attrs: { shape, dims: new Array<number>(GATHER_DIMS).fill(1), run: elementCount(shape) },
    };
  };
  return { ...graph, tensors, layers: graph.layers.map((l) => (copied.has(l) ? copy(l) : l)) };
}
