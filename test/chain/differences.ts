import type { Graph } from '../../ir/graph.ts';
import { constantValues, evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';

const STEP = 1e-6;

/** The mean loss of a training step in f64, times the loss scale, for other values of one parameter. */
function scaledLoss(graph: Graph, inputs: ReadonlyMap<string, Values>, parameter: string, values: Values, lossScale: number): number {
  const forward = { ...graph, layers: graph.layers.filter((l) => l.phase === 'forward') };
  const { constant: _, ...tensor } = graph.tensors.get(parameter) ?? {
    name: parameter,
    type: { dtype: 'f32', shape: [] },
    kind: 'weight',
    batched: false,
  };
  const tensors = new Map(graph.tensors).set(parameter, tensor);
  const results = evaluate({ ...forward, tensors, inputs: [...graph.inputs, parameter] }, new Map(inputs).set(parameter, values));
  let total = 0;
  for (const layer of forward.layers.filter((l) => l.kind === 'softmax_loss')) {
    for (const loss of results.get(layer.outputs[0] ?? '') ?? []) total += loss / graph.batch;
  }
  return total * lossScale;
}

/** d(scaled mean loss)/d(element of a parameter) by central differences in f64. */
export function numericGradient(
  graph: Graph,
  inputs: ReadonlyMap<string, Values>,
  parameter: string,
  element: number,
  lossScale = 1,
): number {
  const tensor = graph.tensors.get(parameter);
  if (tensor === undefined) throw new Error(`no parameter ${parameter}`);
  const moved = (step: number): number => {
    const values = Float64Array.from(constantValues(graph, tensor));
    values[element] = (values[element] ?? 0) + step;
    return scaledLoss(graph, inputs, parameter, values, lossScale);
  };
  return (moved(STEP) - moved(-STEP)) / (2 * STEP);
}

/** The gradient tensor of every trained parameter, of a training graph with an optimizer: from the operands of the updates. */
export function gradientsOf(graph: Graph): Map<string, string> {
  return new Map(
    graph.layers
      .filter((l) => l.phase === 'update' && graph.tensors.has(l.origin))
      .map((l) => [l.origin, l.inputs.find((i) => graph.tensors.get(i)?.kind === 'weightGradient') ?? '']),
  );
}

/** Index of the element of largest magnitude. */
export function largest(values: Values): number {
  return values.reduce((best, v, i) => (Math.abs(v) > Math.abs(values[best] ?? 0) ? i : best), 0);
}
