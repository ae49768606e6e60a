import { type Box, type TensorPlace, toDot } from '../../ir/dot.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Group, Schedule, Step } from '../../passes/mbs/schedule.ts';
import type { CompileState } from '../../passes/pipeline.ts';

/** The graph in the Graphviz language; once it is scheduled, with a box around each group, and where each layer finds its operands. */
export function drawing({ graph, scheduled }: CompileState): string {
  if (scheduled === undefined) return toDot(graph);
  const { schedule } = scheduled;
  const steps = new Map<string, Step>(schedule.groups.flatMap((group) => group.steps.map((step) => [step.layer, step])));
  return toDot(graph, {
    boxes: groupBoxes(graph, schedule),
    place: (index, position) => placeOf(steps.get(graph.layers[index]?.name ?? '')?.inputs[position]?.mode),
  });
}

function placeOf(mode: Step['inputs'][number]['mode'] | undefined): TensorPlace | undefined {
  if (mode === undefined) return undefined;
  return mode === 'resident' ? 'chip' : 'dram';
}

/** Layers that move no data are drawn in the group of the layer before them. */
function groupBoxes(graph: Graph, { groups }: Schedule): Box[] {
  const groupOf = new Map(groups.flatMap((group, i) => group.steps.map((step) => [step.layer, i] as const)));
  const layers: number[][] = groups.map(() => []);
  let current = 0;
  graph.layers.forEach((layer, i) => {
    current = groupOf.get(layer.name) ?? current;
    layers[current]?.push(i);
  });
  return groups.map((group, i) => ({ label: groupLabel(group, i), layers: layers[i] ?? [] }));
}

function groupLabel({ phase, subBatch, iterations }: Group, index: number): string {
  return `group ${index}, ${phase}: ${iterations} × ${subBatch} samples`;
}
