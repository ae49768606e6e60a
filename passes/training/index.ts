import { GraphBuilder } from '../../ir/build.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import type { Graph, Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { deriveBackward } from './backward.ts';
import { emitForward } from './forward.ts';
import type { LossOptions } from './loss.ts';
import { emitUpdates, type OptimizerOptions } from './update.ts';

export interface TrainingOptions extends OptimizerOptions, LossOptions {}

/** Derives the training step of a forward graph: losses, every backward layer, the optimizer's update. */
export function deriveTraining(graph: Graph, options: TrainingOptions): Graph {
  const builder = new GraphBuilder(graph.name, graph.batch);
  const forward = emitForward(builder, graph, options);
  const gradients = deriveBackward(builder, forward);
  if (gradients.size === 0) fail(diag.noParameters({}));
  const readable = emitUpdates(builder, gradients, forward.control, options);
  return markStash(builder.finish([...forward.outputs, ...readable]));
}

/** Forward results that backward reads are stash: forward keeps them in DRAM. */
function markStash(graph: Graph): Graph {
  const read = new Set(graph.layers.filter((l) => l.phase === 'backward').flatMap((l) => l.inputs));
  const isAlias = (l: Layer): boolean => l.phase === 'forward' && recordOf(l.kind).unit === 'alias';
  const alias = new Map(graph.layers.filter(isAlias).map((l) => [l.outputs[0], l.inputs[0]]));
  for (const name of [...read]) {
    for (let source = alias.get(name); source !== undefined; source = alias.get(source)) read.add(source);
  }
  const made = new Set(graph.layers.filter((l) => l.phase === 'forward').flatMap((l) => l.outputs));
  const tensors = new Map(graph.tensors);
  for (const [name, t] of tensors) {
    if (t.kind === 'activation' && made.has(name) && read.has(name)) tensors.set(name, { ...t, kind: 'stash' });
  }
  return { ...graph, tensors };
}
