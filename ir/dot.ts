import type { Graph, Layer, Phase } from './graph.ts';
import { formatType } from './tensor.ts';

/** Layers that stand in one box. */
export interface Box {
  readonly label: string;
  /** Indices into the layers of the graph. */
  readonly layers: readonly number[];
}

/** Where a layer finds a tensor. */
export type TensorPlace = 'chip' | 'dram';

export interface DotOptions {
  /** Default: a box around each unit of several layers. */
  readonly boxes?: readonly Box[];
  /** Where layer `index` of the graph finds its input at `position`, if that is known. */
  place?(index: number, position: number): TensorPlace | undefined;
}

const PHASE_COLORS: Readonly<Record<Phase, string>> = { forward: '#dbe9f6', backward: '#fde3cf', update: '#e0f0d9' };
const PLACES: Readonly<Record<TensorPlace, { readonly label: string; readonly style: string }>> = {
  chip: { label: 'on chip', style: 'bold' },
  dram: { label: 'DRAM', style: 'dashed' },
};
/** Bounds of Graphviz's search for a better layout, without which networks of hundreds of layers take it minutes. */
const SEARCH = 'nslimit=0.1; nslimit1=0.1; mclimit=0.05;';
/** Layers between the two ends of a tensor up to which it is drawn as an edge. */
const FAR = 32;
const LEGEND = 'forward blue, backward orange, update green; bold: stays on chip, dashed: through DRAM';

/**
 * The graph in the Graphviz language, the same text for the same graph: inputs and layers as nodes, tensors as edges with their
 * types. A tensor of another phase (what backward reads of forward), or from far before, is a note at its reader. Parameters have no node: they would hide
 * the structure.
 */
export function toDot(graph: Graph, options: DotOptions = {}): string {
  const { boxes = unitBoxes(graph) } = options;
  const lines = [
    `digraph ${dotText(graph.name)} {`,
    `  label=${dotText(`${graph.name}, ${graph.batch} samples a step\n${LEGEND}`)};`,
    '  fontname="sans-serif"; node [shape=box, style=filled, fillcolor=white, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];',
    `  ${SEARCH}`,
    ...graph.inputs.map((name, i) => `  i${i} [shape=ellipse, label=${dotText(labelOf(graph, name))}];`),
  ];
  const boxed = new Set(boxes.flatMap((box) => box.layers));
  const node = (index: number): string[] => {
    const layer = graph.layers[index];
    return layer === undefined ? [] : [`  ${nodeText(graph, layer, index)}`];
  };
  boxes.forEach(({ label, layers }, i) => {
    lines.push(`  subgraph cluster_${i} {`, `    label=${dotText(label)};`, ...layers.flatMap(node).map((line) => `  ${line}`), '  }');
  });
  lines.push(...graph.layers.flatMap((_, i) => (boxed.has(i) ? [] : node(i))), ...edges(graph, options), '}', '');
  return lines.join('\n');
}

function edges(graph: Graph, { place }: DotOptions): string[] {
  const producer = new Map<string, { readonly node: string; readonly phase: Phase; readonly at: number }>();
  graph.inputs.forEach((name, i) => {
    producer.set(name, { node: `i${i}`, phase: 'forward', at: 0 });
  });
  graph.layers.forEach(({ outputs, phase }, i) => {
    for (const output of outputs) producer.set(output, { node: `l${i}`, phase, at: i });
  });
  const between = graph.layers.flatMap((layer, i) =>
    layer.inputs.flatMap((input, position) => {
      const from = producer.get(input);
      if (from === undefined) return [];
      const edge = edgeText(graph, input, place?.(i, position));
      // Hundreds of edges across the whole drawing would hide it, and take Graphviz minutes to lay out.
      if (from.phase === layer.phase && i - from.at <= FAR) return [`  ${from.node} -> l${i} [${edge}];`];
      const note = `n${i}_${position}`;
      return [`  ${note} [shape=note, label=${dotText(input)}];`, `  ${note} -> l${i} [${edge}];`];
    }),
  );
  const results = graph.outputs.flatMap((name, i) => {
    const from = producer.get(name)?.node;
    const end = `  o${i} [shape=ellipse, label=${dotText(labelOf(graph, name))}];`;
    return from === undefined ? [end] : [end, `  ${from} -> o${i};`];
  });
  return [...between, ...results];
}

function edgeText(graph: Graph, tensor: string, place: TensorPlace | undefined): string {
  const type = typeOf(graph, tensor);
  const tooltip = `tooltip=${dotText(tensor)}`;
  if (place === undefined) return `label=${dotText(type)}, ${tooltip}`;
  const { label, style } = PLACES[place];
  return `label=${dotText(`${type}\n${label}`)}, style=${style}, ${tooltip}`;
}

function unitBoxes(graph: Graph): Box[] {
  const units = new Map<string, number[]>();
  graph.layers.forEach((layer, i) => {
    const key = `${layer.phase} ${layer.unit}`;
    units.set(key, [...(units.get(key) ?? []), i]);
  });
  return Array.from(units, ([label, layers]) => ({ label, layers })).filter((box) => box.layers.length > 1);
}

function nodeText(graph: Graph, layer: Layer, index: number): string {
  const types = layer.outputs.map((name) => typeOf(graph, name));
  return `l${index} [fillcolor="${PHASE_COLORS[layer.phase]}", label=${dotText([layer.kind, layer.origin, ...types].join('\n'))}];`;
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
