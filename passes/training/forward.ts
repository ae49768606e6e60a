import type { GraphBuilder } from '../../ir/build.ts';
import type { Graph, Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { trainingOutputs } from '../../ir/layers/operands.ts';

/** The forward part of a training step. */
export interface Forward {
  readonly layers: readonly Layer[];
  /** Parameters that are trained. */
  readonly parameters: readonly string[];
  /** Tensors that depend on a parameter, parameters included: those whose gradient is wanted. */
  readonly wanted: ReadonlySet<string>;
  /** Gradients that the losses give. */
  readonly seeds: ReadonlyMap<string, string>;
  /** What the caller can read: scores and losses. */
  readonly outputs: readonly string[];
}

/** Name of the input that holds the class of each sample. */
export const LABELS = 'label';

/** Emits the forward layers with what backward needs of them, and a softmax cross-entropy loss for every output. */
export function emitForward(
  builder: GraphBuilder,
  graph: Graph,
  options: { readonly lossScale: number; readonly auxiliaryWeight: number },
): Forward {
  const scores = new Map(graph.outputs.map((name) => [name, scoresOf(graph, name)]));
  const absorbed = new Set([...scores.values()].flatMap((s) => s.absorbed));
  const parameters = [...graph.tensors.values()].filter((t) => t.kind === 'weight' && !t.batched).map((t) => t.name);
  const wanted = new Set(parameters);
  const layers: Layer[] = [];
  for (const name of graph.inputs) {
    const t = graph.tensors.get(name);
    if (t !== undefined) builder.input(name, t.type, t.batched);
  }
  const produced = new Set(graph.layers.flatMap((l) => l.outputs));
  for (const t of graph.tensors.values()) if (!produced.has(t.name) && !graph.inputs.includes(t.name)) builder.add(t);

  const outputScores = new Set([...scores.values()].map((s) => s.logits));
  for (const layer of graph.layers) {
    if (absorbed.has(layer.name)) continue;
    const differentiable = layer.inputs.some((i) => wanted.has(i));
    const count = differentiable ? trainingOutputs(recordOf(layer.kind)) : layer.outputs.length;
    const names = Array.from(
      { length: count },
      (_, i) => layer.outputs[i] ?? builder.freeName(`${layer.outputs[0] ?? layer.name}.${recordOf(layer.kind).outputs[i]?.name ?? i}`),
    );
    const kinds = names.map((name, i) => {
      if (outputScores.has(name)) return 'output' as const;
      const kept = graph.tensors.get(name)?.kind;
      return kept === 'output' ? 'activation' : (kept ?? recordOf(layer.kind).outputs[i]?.resultKind ?? 'activation');
    });
    builder.layer({
      kind: layer.kind,
      name: layer.name,
      inputs: layer.inputs,
      attrs: layer.attrs,
      origin: layer.origin,
      unit: layer.unit,
      outputs: names,
      outputKinds: kinds,
    });
    const emitted: Layer = { ...layer, outputs: names };
    layers.push(emitted);
    if (differentiable && names[0] !== undefined) wanted.add(names[0]);
  }
  const { seeds, losses } = emitLosses(builder, graph, [...outputScores], options);
  return { layers, parameters, wanted, seeds, outputs: [...outputScores, ...losses] };
}

/** The scores behind an output: what a final softmax is applied to, which the loss contains. */
function scoresOf(graph: Graph, output: string): { logits: string; absorbed: string[] } {
  const producer = new Map(graph.layers.map((l) => [l.outputs[0] ?? '', l]));
  const path: string[] = [];
  for (let name = output; ; ) {
    const layer = producer.get(name);
    const record = layer === undefined ? undefined : recordOf(layer.kind);
    if (layer === undefined || record === undefined) return { logits: output, absorbed: [] };
    path.push(layer.name);
    const [x] = layer.inputs;
    if (record.insideLoss === true) return { logits: x ?? output, absorbed: path };
    if (record.unit !== 'alias' || x === undefined) return { logits: output, absorbed: [] };
    name = x;
  }
}

function emitLosses(
  builder: GraphBuilder,
  graph: Graph,
  scores: readonly string[],
  options: { readonly lossScale: number; readonly auxiliaryWeight: number },
): { seeds: Map<string, string>; losses: string[] } {
  const labels = builder.input(builder.freeName(LABELS), { dtype: 'i32', shape: [graph.batch] });
  const seeds = new Map<string, string>();
  const losses: string[] = [];
  scores.forEach((logits, i) => {
    const name = builder.freeName(i === 0 ? 'loss' : `loss.${i}`);
    const [loss, gradient] = builder.layer({
      kind: 'softmax_loss',
      name,
      inputs: [logits, labels],
      attrs: { weight: i === 0 ? 1 : options.auxiliaryWeight, lossScale: options.lossScale, batch: graph.batch },
      origin: 'loss',
      outputKinds: ['output', 'activationGradient'],
    });
    if (loss !== undefined) losses.push(loss);
    if (gradient !== undefined) seeds.set(logits, gradient);
  });
  return { seeds, losses };
}
