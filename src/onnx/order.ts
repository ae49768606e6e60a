import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import { type OnnxModel, type OnnxNode, readsOf } from './model.ts';

/** What gives each tensor its value: a node, or a sentence part for messages ('an initializer'). */
type Producers = Map<string, OnnxNode | string>;

const nameOf = (producer: OnnxNode | string): string => (typeof producer === 'string' ? producer : `node '${producer.label}'`);

function producersOf(model: OnnxModel, place: Place, problems: Diagnostic[]): Producers {
  const producers: Producers = new Map();
  const add = (tensor: string, producer: OnnxNode | string): void => {
    const first = producers.get(tensor);
    // Up to IR version 3, every initializer is listed among the inputs as well.
    const listedTwice = first === 'an initializer' && producer === 'a graph input';
    if (first === undefined) producers.set(tensor, producer);
    else if (!listedTwice)
      problems.push(
        diag.duplicateProducer({ ...place, ...(typeof producer === 'string' ? {} : { node: producer.label }), tensor }, nameOf(first)),
      );
  };
  for (const t of model.initializers) add(t.name ?? '', 'an initializer');
  for (const name of model.sparseInitializers) {
    problems.push(diag.unsupportedType({ ...place, tensor: name }, 'of a sparse initializer'));
    producers.set(name, 'a sparse initializer');
  }
  for (const input of model.inputs) add(input.name, 'a graph input');
  for (const node of model.nodes) for (const output of node.outputs) if (output !== '') add(output, node);
  return producers;
}

/**
 * The nodes that the graph outputs need, in topological order (file order where that is one already).
 * @throws WavecError with every DUPLICATE_PRODUCER and UNDEFINED_TENSOR, or CYCLIC_GRAPH naming the nodes
 */
export function orderNodes(model: OnnxModel, place: Place): OnnxNode[] {
  const problems: Diagnostic[] = [];
  const producers = producersOf(model, place, problems);
  for (const node of model.nodes) {
    for (const tensor of new Set(readsOf(node))) {
      if (tensor !== '' && !producers.has(tensor)) problems.push(diag.undefinedTensor({ ...place, node: node.label, tensor }));
    }
  }
  for (const { name } of model.outputs) if (!producers.has(name)) problems.push(diag.undefinedTensor({ ...place, tensor: name }));
  if (problems.length > 0) throw new WavecError(problems);
  const sources = (node: OnnxNode): OnnxNode[] =>
    readsOf(node)
      .map((i) => producers.get(i))
      .filter((p) => typeof p === 'object');
  const order = sortNodes(model.nodes, sources, place);
  const needed = new Set(model.outputs.map((o) => o.name));
  const live: OnnxNode[] = [];
  for (const node of order.toReversed()) {
    if (!node.outputs.some((o) => needed.has(o))) continue;
    for (const input of readsOf(node)) needed.add(input);
    live.push(node);
  }
  return live.reverse();
}

/** Depth-first, with an explicit stack since chains are long. */
function sortNodes(nodes: readonly OnnxNode[], sources: (node: OnnxNode) => OnnxNode[], place: Place): OnnxNode[] {
  const order: OnnxNode[] = [];
  const state = new Map<OnnxNode, 'open' | 'done'>();
  for (const root of nodes) {
    const stack: { node: OnnxNode; rest: OnnxNode[] }[] = state.has(root) ? [] : [{ node: root, rest: sources(root) }];
    state.set(root, state.get(root) ?? 'open');
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.rest.shift();
      if (next === undefined) {
        state.set(top.node, 'done');
        order.push(top.node);
        stack.pop();
      } else if (state.get(next) === 'open') {
        // The stack goes against the flow of data; the message goes with it.
        const upstream = stack.slice(stack.findIndex((s) => s.node === next) + 1).map((s) => s.node.label);
        throw new WavecError([diag.cyclicGraph(place, [next.label, ...upstream.reverse()])]);
      } else if (!state.has(next)) {
        state.set(next, 'open');
        stack.push({ node: next, rest: sources(next) });
      }
    }
  }
  return order;
}
