import type { Constant, Graph } from '../../ir/graph.ts';
import { sameType } from '../../ir/tensor.ts';

/** Names of the constants whose values were left out of the text that the graph was read from. */
export function elidedConstants(graph: Graph): string[] {
  return [...graph.tensors.values()].filter((t) => t.constant?.form === 'elided').map((t) => t.name);
}

/** The graph with its elided constants as `source` has them, by name; one that has another type there, or none, stays elided. */
export function withConstants(graph: Graph, source: Graph): Graph {
  const tensors = new Map(graph.tensors);
  for (const name of elidedConstants(graph)) {
    const [tensor, found] = [graph.tensors.get(name), source.tensors.get(name)];
    const constant: Constant | undefined = found?.constant;
    if (tensor !== undefined && found !== undefined && constant !== undefined && sameType(tensor.type, found.type))
      tensors.set(name, { ...tensor, constant });
  }
  return { ...graph, tensors };
}
