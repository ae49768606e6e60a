import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators, Result, Rule } from '../operator.ts';
import { type Value, valueAt } from '../value.ts';

const LABELS: Rule = {
  says: 'labels and class weights are constants; a training step has labels and a loss of its own (leave the loss out of the model)',
  holds: (ctx) => ctx.isConstant(1) && (!ctx.has(2) || ctx.isConstant(2)),
};

interface Picked {
  /** −weight of the class at the labels, 0 elsewhere: [N, C, …]. */
  readonly weights: Float32Array;
  /** Sum of the weights of all labels. */
  readonly total: number;
}

function pickedWeights(ctx: NodeContext, shape: readonly number[], labels: Value): Picked {
  const [N = 1, C = 1] = shape;
  const plane = elementCount(shape.slice(2));
  if (elementCount(labels.shape) !== N * plane) ctx.badShape(`${elementCount(labels.shape)} labels for ${N * plane} places`);
  const ignored = ctx.attrs.has('ignore_index') ? ctx.attrs.int('ignore_index') : undefined;
  const weights = new Float32Array(elementCount(shape));
  let total = 0;
  for (let i = 0; i < N * plane; i++) {
    const label = valueAt(labels, i);
    if (label === ignored) continue;
    if (label < 0 || label >= C) ctx.badShape(`label ${label} is not one of ${C} classes`);
    const weight = ctx.has(2) ? valueAt(ctx.value(2), label) : 1;
    weights[(Math.floor(i / plane) * C + label) * plane + (i % plane)] = -weight;
    total += weight;
  }
  return { weights, total };
}

/** −Σ weight·logarithm at the labels. Labels belong to samples, so that the model has none that a mini-batch could be cut into. */
function likelihood(ctx: NodeContext, logs: ActivationOperand): ActivationOperand {
  const reduction = ctx.attrs.string('reduction', 'mean');
  const { weights, total } = pickedWeights(ctx, logs.shape, ctx.value(1));
  const mean = reduction === 'mean';
  const table = ctx.table('weights', logs.shape, mean ? weights.map((w) => w / total) : weights);
  const picked = ctx.emit('binary', [logs.name, table], { op: 'mul', constant: true }, 'picked');
  if (reduction === 'none') {
    const y = ctx.emit('reduce', [picked.name], { op: 'sum', axis: 2 }, 'losses');
    return ctx.relabel(y, [logs.shape[0] ?? 1, ...logs.shape.slice(2)]);
  }
  if (reduction !== 'sum' && !mean) ctx.badAttribute(`reduction is '${reduction}'`);
  const sum = ctx.emit('reduce', [picked.name], { op: 'sum', axis: 1, count: logs.shape.length }, 'loss');
  return ctx.relabel(sum, []);
}

function expectWhole(ctx: NodeContext): void {
  if (ctx.batched) ctx.mixesSamples('takes one label for each sample from a constant');
}

function negativeLogLikelihood(ctx: NodeContext): Result {
  expectWhole(ctx);
  return likelihood(ctx, ctx.activation(0));
}

function crossEntropy(ctx: NodeContext): Result[] {
  expectWhole(ctx);
  const logs = ctx.emit('log_softmax', [ctx.activation(0).name], { axis: 2 }, 'log_prob');
  return [likelihood(ctx, logs), logs];
}

const LOSS = { inputs: [2, 3], attributes: ['ignore_index', 'reduction'], rules: [LABELS] } as const;

export const LOSS_OPERATORS: Operators = {
  NegativeLogLikelihoodLoss: { ...LOSS, lower: negativeLogLikelihood },
  SoftmaxCrossEntropyLoss: { ...LOSS, outputs: 2, lower: crossEntropy },
};
