import type { Graph } from '../../ir/graph.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { uniform } from '../train/order.ts';

/** Seeded values for all inputs of a graph: numbers in ±1, and classes of the first output where the input holds classes. */
export function drawnInputs(graph: Graph, seed: number): Map<string, Values> {
  const random = uniform(seed);
  const scores = graph.tensors.get(graph.outputs[0] ?? '')?.type.shape ?? [];
  const classes = elementCount(scores.slice(1));
  return new Map(
    graph.inputs.map((name) => {
      const { dtype, shape } = graph.tensors.get(name)?.type ?? { dtype: 'f16', shape: [] };
      const draw = dtype === 'i32' ? () => Math.floor(classes * random()) : () => 2 * random() - 1;
      return [name, Float64Array.from({ length: elementCount(shape) }, draw)];
    }),
  );
}
