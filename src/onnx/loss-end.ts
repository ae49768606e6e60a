import { type Diagnostic, diag, type Place, WavecError } from '../../ir/diagnostics.ts';
import type { OnnxModel, OnnxNode } from './model.ts';

/** Operators that compare scores with classes; input 0 are the scores, or their log-softmax, which the loss of training contains. */
const LOSSES: readonly string[] = ['SoftmaxCrossEntropyLoss', 'NegativeLogLikelihoodLoss'];

/**
 * The model without the cross-entropy that it ends in: the graph gives what the loss is computed from, and the training step adds
 * its own loss there; the input that holds the classes is dropped with it.
 * @throws WavecError UNSUPPORTED_ATTRIBUTE for losses other than the mean over the mini-batch
 */
export function withoutLoss(model: OnnxModel, place: Place): OnnxModel {
  const computed = new Set(model.nodes.flatMap((n) => n.outputs));
  // Labels that are constants belong to no training: such a loss is computed.
  const constants = new Set(model.initializers.map((t) => t.name ?? ''));
  const losses = model.nodes.filter(
    ({ domain, opType, inputs: [x = '', labels = ''] }) =>
      domain === '' && LOSSES.includes(opType) && computed.has(x) && !constants.has(labels),
  );
  if (losses.length === 0) return model;
  const problems = losses.flatMap((node) => lossProblems(model, node, { ...place, node: node.label }));
  if (problems.length > 0) throw new WavecError(problems);
  const scores = new Map(losses.flatMap(({ inputs: [x = ''], outputs }) => outputs.map((o) => [o, x] as const)));
  const names = new Set(model.outputs.map(({ name }) => scores.get(name) ?? name));
  const declared = new Map([...model.valueInfo, ...model.outputs].map((d) => [d.name, d]));
  return {
    ...model,
    nodes: model.nodes.filter((n) => !losses.includes(n)),
    outputs: [...names].map((name) => declared.get(name) ?? { name }),
  };
}

function lossProblems(model: OnnxModel, { opType, inputs, outputs, attributes }: OnnxNode, place: Place): Diagnostic[] {
  const refuse = (reason: string): Diagnostic => diag.unsupportedAttribute(place, opType, reason);
  const problems: Diagnostic[] = [];
  const reduction = attributes.get('reduction');
  if (reduction !== undefined && reduction.value !== 'mean')
    problems.push(refuse(`reduction is ${String(reduction.value)}, and only mean is`));
  if (attributes.has('ignore_index')) problems.push(refuse('ignore_index leaves samples out'));
  if ((inputs[2] ?? '') !== '') problems.push(refuse('classes have weights'));
  const user = model.nodes.find((n) => n.inputs.some((i) => i !== '' && outputs.includes(i)));
  if (user !== undefined) problems.push(refuse(`node '${user.label}' computes with its result`));
  return problems;
}
