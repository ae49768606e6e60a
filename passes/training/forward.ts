import type { GraphBuilder } from '../../ir/build.ts';
import type { Graph, Layer } from '../../ir/graph.ts';
import { CONTROL } from '../../ir/layers/control.ts';
import { recordOf } from '../../ir/layers/index.ts';

import { trainingOutputs } from '../../ir/layers/operands.ts';
import { addControl } from './control.ts';
import type { TrainingOptions } from './index.ts';
import { emitLosses, scoresOf } from './loss.ts';

/** The forward part of a training step. */
export interface Forward {
  readonly layers: readonly Layer[];
  /** Parameters that are trained. */
  readonly parameters: readonly string[];
  /** Tensors that depend on a parameter, parameters included: those whose gradient is wanted. */
  readonly wanted: ReadonlySet<string>;
  /** Gradients that the losses give. */
  readonly seeds: ReadonlyMap<string, string>;
  /** The state of the training step, where there is an optimizer. */
  readonly control: string | undefined;
  /** What the caller can read: scores and losses, and the statistics that forward updates. */
  readonly outputs: readonly string[];
}

/** Emits the forward layers with what backward needs of them, and a loss for every output. */
export function emitForward(builder: GraphBuilder, graph: Graph, options: TrainingOptions): Forward {
  const { outputs, absorbed } = scoresOf(graph, options.loss);
  const parameters = [...graph.tensors.values()].filter((t) => t.kind === 'weight' && !t.batched).map((t) => t.name);
  const wanted = new Set(parameters);
  const layers: Layer[] = [];
  const kept: string[] = [];
  for (const name of graph.inputs) {
    const t = graph.tensors.get(name);
    if (t !== undefined) builder.input(name, t.type, t.batched);
  }
  const produced = new Set(graph.layers.flatMap((l) => l.outputs));
  for (const t of graph.tensors.values()) if (!produced.has(t.name) && !graph.inputs.includes(t.name)) builder.add(t);

  const control = addControl(builder, options);
  for (const layer of graph.layers) {
    if (absorbed.has(layer.name)) continue;
    const differentiable = layer.inputs.some((i) => wanted.has(i));
    const saved = differentiable ? trainingOutputs(recordOf(layer.kind)) : 0;
    const count = Math.max(saved, layer.outputs.length);
    const names = Array.from(
      { length: count },
      (_, i) => layer.outputs[i] ?? builder.freeName(`${layer.outputs[0] ?? layer.name}.${recordOf(layer.kind).outputs[i]?.name ?? i}`),
    );
    const kinds = names.map((name, i) => {
      if (outputs.includes(name)) return 'output' as const;
      const kept = graph.tensors.get(name)?.kind;
      return kept === 'output' ? 'activation' : (kept ?? recordOf(layer.kind).outputs[i]?.resultKind ?? 'activation');
    });
    builder.layer({
      kind: layer.kind,
      name: layer.name,
      inputs: dependsOnStep(layer) && control !== undefined ? [...layer.inputs, control] : layer.inputs,
      attrs: layer.attrs,
      origin: layer.origin,
      unit: layer.unit,
      outputs: names,
      outputKinds: kinds,
    });
    for (const name of names) {
      const storage = graph.tensors.get(name)?.storage;
      if (storage === undefined) continue;
      builder.shareStorage(name, storage);
      kept.push(name);
    }
    const emitted: Layer = { ...layer, outputs: names };
    layers.push(emitted);
    if (differentiable && names[0] !== undefined) wanted.add(names[0]);
  }
  const { seeds, losses } = emitLosses(builder, graph, outputs, control, options);
  return { layers, parameters, wanted, seeds, control, outputs: [...outputs, ...losses, ...kept] };
}

/** Whether the layer takes the state of the training step as its last, optional operand. */
function dependsOnStep(layer: Layer): boolean {
  return recordOf(layer.kind).inputs[layer.inputs.length]?.name === CONTROL.name;
}
