import { type Graph, inTextOrder, type Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { TensorType } from '../../ir/tensor.ts';
import { matrixOf } from './network.ts';
import { type ArraySize, drainsInOrder } from './shape.ts';

/**
 * Joins statistics of single samples with the product whose result they are of, so that they are gathered while it drains instead of
 * read again, unless it drains in another order on this array. Names, units and origins stay those of the product; the tensors stay
 * as they are.
 * @param among products, by their names; absent: all
 */
export function gather(graph: Graph, array: ArraySize, among?: ReadonlySet<string>): Graph {
  const makers = new Map(graph.layers.map((layer) => [layer.outputs[0], layer]));
  const joined = new Map<string, Layer>();
  const gone = new Set<string>();
  for (const layer of graph.layers) {
    const attrs = recordOf(layer.kind).gathered?.(layer.attrs);
    const product = makers.get(layer.inputs[0]);
    if (attrs === undefined || product === undefined || product.phase !== layer.phase || joined.has(product.name)) continue;
    if (among?.has(product.name) === false) continue;
    const record = recordOf(product.kind);
    const kind = record.gathering;
    const work = matrixOf(record, typesOf(graph, product.inputs), product);
    if (kind === undefined || work === undefined || !drainsInOrder(work, array)) continue;
    const outputs = [...product.outputs, ...layer.outputs];
    joined.set(product.name, { ...product, kind, outputs, attrs: { ...product.attrs, ...attrs } });
    gone.add(layer.name);
  }
  if (joined.size === 0) return graph;
  const layers = graph.layers.filter(({ name }) => !gone.has(name)).map((layer) => joined.get(layer.name) ?? layer);
  return inTextOrder({ ...graph, layers });
}

function typesOf({ tensors }: Graph, names: readonly string[]): TensorType[] {
  return names.flatMap((name) => tensors.get(name)?.type ?? []);
}
