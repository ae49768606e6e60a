import { unused } from '../../ir/build.ts';
import type { Graph, Layer, Tensor } from '../../ir/graph.ts';

/**
 * Sums of three and more operands, each added as soon as it is there: a branch then leaves one running sum in the buffer and not
 * all that it has to add. The vector unit adds the operands of a sum one after the other and rounds each time, so the bits stay the same.
 */
export function accumulateEarly(graph: Graph): Graph {
  const many = graph.layers.filter(({ kind, inputs }) => kind === 'add' && inputs.length > 2);
  if (many.length === 0) return graph;
  const tensors = new Map(graph.tensors);
  const names = new Set(graph.layers.map(({ name }) => name));
  const place = endsOfUnits(graph);
  /** Sums to insert behind the layer at an index, in order. */
  const behind = new Map<number, Layer[]>();
  const replaced = new Set<string>();
  for (const sum of many) {
    const [first = '', ...others] = sum.inputs;
    replaced.add(sum.name);
    let running = first;
    let at = place(first);
    others.forEach((operand, i) => {
      const last = i === others.length - 1;
      const output = last ? (sum.outputs[0] ?? '') : unused(`${sum.outputs[0]}.${i + 1}`, (name) => tensors.has(name));
      const name = last ? sum.name : unused(`${sum.name}.${i + 1}`, (n) => names.has(n));
      if (!last) tensors.set(output, partialOf(tensors, sum, output));
      names.add(name);
      at = Math.max(at, place(operand));
      behind.set(at, [...(behind.get(at) ?? []), { ...sum, name, unit: name, inputs: [running, operand], outputs: [output] }]);
      running = output;
    });
  }
  const rest = graph.layers.flatMap((layer, i) => [...(replaced.has(layer.name) ? [] : [layer]), ...(behind.get(i) ?? [])]);
  return { ...graph, tensors, layers: [...(behind.get(-1) ?? []), ...rest] };
}

/** A sum of the first operands: a result like the whole sum, which no caller reads. */
function partialOf(tensors: ReadonlyMap<string, Tensor>, sum: Layer, name: string): Tensor {
  const [output = ''] = sum.outputs;
  const { storage: _, ...whole } = tensors.get(output) ?? { name, type: { dtype: 'f16', shape: [] }, kind: 'activation', batched: true };
  return { ...whole, name };
}

/** The index of the last layer of the unit that makes a tensor; −1 for one that is given. */
function endsOfUnits({ layers }: Graph): (tensor: string) => number {
  const made = new Map<string, number>();
  let end = layers.length - 1;
  for (let i = layers.length - 1; i >= 0; i--) {
    if (layers[i]?.unit !== layers[i + 1]?.unit || layers[i]?.phase !== layers[i + 1]?.phase) end = i;
    for (const output of layers[i]?.outputs ?? []) made.set(output, end);
  }
  return (tensor) => made.get(tensor) ?? -1;
}
