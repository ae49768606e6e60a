import type { Graph, Layer } from './graph.ts';
import { formatType } from './tensor.ts';

export interface DotOptions {
  /** Draws a box around the layers of each unit. */
  readonly units?: boolean;
}

/** The graph in the Graphviz language, the same text for the same graph: inputs and layers as nodes, tensors as edges. */
export function toDot(graph: Graph, options: DotOptions = {}): string {
  const producer = new Map<string, string>();
  const lines = [`digraph ${dotText(graph.name)} {`, '  node [shape=box, fontname="sans-serif"];'];
  graph.inputs.forEach((name, i) => {
    producer.set(name, `i${i}`);
    lines.push(`  i${i} [shape=ellipse, label=${dotText(labelOf(graph, name))}];`);
  });
  graph.layers.forEach((layer, i) => {
    for (const output of layer.outputs) producer.set(output, `l${i}`);
  });
  lines.push(...(options.units ? clusters(graph) : graph.layers.map((layer, i) => `  ${nodeText(graph, layer, i)}`)));
  graph.layers.forEach((layer, i) => {
    for (const input of layer.inputs) {
      const from = producer.get(input);
      // Parameters have no node: they would hide the structure.
      if (from !== undefined) lines.push(`  ${from} -> l${i} [tooltip=${dotText(labelOf(graph, input))}];`);
    }
  });
  graph.outputs.forEach((name, i) => {
    lines.push(`  o${i} [shape=ellipse, label=${dotText(labelOf(graph, name))}];`, `  ${producer.get(name) ?? `o${i}`} -> o${i};`);
  });
  lines.push('}', '');
  return lines.join('\n');
}

function clusters(graph: Graph): string[] {
  const units = new Map<string, string[]>();
  graph.layers.forEach((layer, i) => {
    const key = `${layer.phase} ${layer.unit}`;
    const nodes = units.get(key) ?? [];
    nodes.push(`    ${nodeText(graph, layer, i)}`);
    units.set(key, nodes);
  });
  return Array.from(units).flatMap(([unit, nodes], i) => [`  subgraph cluster_${i} {`, `    label=${dotText(unit)};`, ...nodes, '  }']);
}

function nodeText(graph: Graph, layer: Layer, index: number): string {
  const types = layer.outputs.map((name) => typeOf(graph, name));
  return `l${index} [label=${dotText([layer.kind, layer.origin, ...types].join('\n'))}];`;
}

function labelOf(graph: Graph, tensor: string): string {
  return `${tensor}\n${typeOf(graph, tensor)}`;
}

function typeOf(graph: Graph, tensor: string): string {
  const found = graph.tensors.get(tensor);
  return found === undefined ? 'undefined' : formatType(found.type);
}

function dotText(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
