import type { Attribute, OnnxNode, Subgraph } from './model.ts';

/** The graphs inside of a node. */
export function subgraphsOf(node: OnnxNode): Subgraph[] {
  return [...node.attributes.values()].flatMap((a) => (a.type === 'graph' ? [a.value] : []));
}

/** Tensors of the graphs around it that a graph reads. */
function freeNames(graph: Subgraph): string[] {
  const own = new Set([...graph.inputs, ...graph.initializers.map((t) => t.name ?? ''), ...graph.nodes.flatMap((n) => n.outputs)]);
  return [...graph.nodes.flatMap(namesRead), ...graph.outputs].filter((name) => name !== '' && !own.has(name));
}

/** Every tensor that a node reads, itself or inside of its graphs. */
export function namesRead(node: OnnxNode): string[] {
  return [...node.inputs, ...subgraphsOf(node).flatMap(freeNames)];
}

/** Every tensor that a node or anything inside of it reads or returns, by any name. */
export function namesUsed(node: OnnxNode): string[] {
  return [...node.inputs, ...subgraphsOf(node).flatMap((g) => [...g.outputs, ...g.nodes.flatMap(namesUsed)])];
}

/** The node under other names of tensors, and with a prefix to its own. */
export function renamed(node: OnnxNode, rename: (name: string) => string, prefix: string): OnnxNode {
  const attributes = new Map([...node.attributes].map(([name, a]): [string, Attribute] => [name, renamedAttribute(a, rename, prefix)]));
  const named = { label: `${prefix}${node.label}`, layerName: `${prefix}${node.layerName}` };
  return { ...node, ...named, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename), attributes };
}

function renamedAttribute(a: Attribute, rename: (name: string) => string, prefix: string): Attribute {
  if (a.type !== 'graph') return a;
  const { nodes, initializers, inputs, outputs } = a.value;
  const value = {
    nodes: nodes.map((n) => renamed(n, rename, prefix)),
    initializers: initializers.map((t) => ({ ...t, name: rename(t.name ?? '') })),
    inputs: inputs.map(rename),
    outputs: outputs.map(rename),
  };
  return { type: 'graph', value };
}
