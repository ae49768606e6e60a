import { type Graph, inTextOrder, type Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';

/**
 * Joins sums of two operands with the layer that alone reads them, where there is a kind for both: one pass of the vector unit instead of two. Names,
 * units and origins stay those of the reader; the sum itself is no longer there.
 */
export function joinSums(graph: Graph): Graph {
  const readers = new Map<string, number>();
  for (const input of graph.layers.flatMap(({ inputs }) => inputs)) readers.set(input, (readers.get(input) ?? 0) + 1);
  for (const output of graph.outputs) readers.set(output, (readers.get(output) ?? 0) + 1);
  const sums = new Map(graph.layers.filter(isSumOfTwo).map((layer) => [layer.outputs[0], layer]));
  const gone = new Set<Layer>();
  const joined = graph.layers.map((layer): Layer => {
    const [sum = '', ...others] = layer.inputs;
    const kind = recordOf(layer.kind).ofSum;
    const maker = sums.get(sum);
    if (kind === undefined || maker === undefined || maker.phase !== layer.phase || readers.get(sum) !== 1) return layer;
    gone.add(maker);
    return { ...layer, kind, inputs: [...maker.inputs, ...others] };
  });
  if (gone.size === 0) return graph;
  const layers = joined.filter((layer) => !gone.has(layer));
  const sumsGone = new Set([...gone].flatMap(({ outputs }) => outputs));
  const tensors = new Map([...graph.tensors].filter(([name]) => !sumsGone.has(name)));
  return inTextOrder({ ...graph, layers, tensors });
}

function isSumOfTwo({ kind, inputs }: Layer): boolean {
  return recordOf(kind).accumulates === true && inputs.length === 2;
}
