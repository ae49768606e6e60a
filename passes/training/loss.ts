import type { GraphBuilder } from '../../ir/build.ts';
import type { Graph } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { TensorType } from '../../ir/tensor.ts';
import type { OptimizerOptions } from './update.ts';

/** What a loss compares the scores with, and the layer that does. */
interface LossRule {
  readonly kind: string;
  /** Name and type of the input that the scores are compared with. */
  readonly target: string;
  targetType(scores: TensorType): TensorType;
}

/** Losses by name; the target of the first is the class of each sample. */
const LOSS_RULES = {
  'cross-entropy': {
    kind: 'softmax_loss',
    target: 'label',
    targetType: ({ shape }) => ({ dtype: 'i32', shape: shape.slice(0, 1) }),
  },
  mse: { kind: 'mse_loss', target: 'target', targetType: (scores) => scores },
} as const satisfies Record<string, LossRule>;

export type LossName = keyof typeof LOSS_RULES;
export const LOSSES = Object.keys(LOSS_RULES) as readonly LossName[];

export interface LossOptions {
  readonly loss: LossName;
  /** Weights of the losses of further outputs (auxiliary classifiers); the first output has weight 1. */
  readonly auxiliaryWeight: number;
}

/** What the losses are of, and the layers at the end of the network that the loss contains. */
export interface Scores {
  readonly outputs: readonly string[];
  readonly absorbed: ReadonlySet<string>;
}

export function scoresOf(graph: Graph, loss: LossName): Scores {
  if (loss !== 'cross-entropy') return { outputs: graph.outputs, absorbed: new Set() };
  const found = graph.outputs.map((output) => logitsOf(graph, output));
  return { outputs: [...new Set(found.map((f) => f.logits))], absorbed: new Set(found.flatMap((f) => f.absorbed)) };
}

/** The scores behind an output: what a final softmax is applied to, which the loss contains. */
function logitsOf(graph: Graph, output: string): { logits: string; absorbed: string[] } {
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

/** Emits a loss for every output; those of one target type compare with the same input. */
export function emitLosses(
  builder: GraphBuilder,
  graph: Graph,
  scores: readonly string[],
  control: string | undefined,
  options: OptimizerOptions & LossOptions,
): { seeds: Map<string, string>; losses: string[] } {
  const rule = LOSS_RULES[options.loss];
  const targets = new Map<string, string>();
  const targetOf = (type: TensorType): string => {
    const key = JSON.stringify(type);
    const target = targets.get(key) ?? builder.input(builder.freeName(rule.target), type);
    targets.set(key, target);
    return target;
  };
  const scale = control !== undefined && options.dynamicLossScale ? [control] : [];
  const seeds = new Map<string, string>();
  const losses: string[] = [];
  scores.forEach((output, i) => {
    const [loss, gradient] = builder.layer({
      kind: rule.kind,
      name: builder.freeName(i === 0 ? 'loss' : `loss.${i}`),
      inputs: [output, targetOf(rule.targetType(builder.typeOf(output))), ...scale],
      attrs: { weight: i === 0 ? 1 : options.auxiliaryWeight, lossScale: options.lossScale, batch: graph.batch },
      origin: 'loss',
      outputKinds: ['output', 'activationGradient'],
    });
    if (loss !== undefined) losses.push(loss);
    if (gradient !== undefined) seeds.set(output, gradient);
  });
  return { seeds, losses };
}
