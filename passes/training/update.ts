import type { GraphBuilder } from '../../ir/build.ts';
import type { Attrs } from '../../ir/graph.ts';
import type { TensorKind } from '../../ir/tensor.ts';
import { emitControl } from './control.ts';

export interface OptimizerOptions {
  readonly optimizer: Optimizer;
  /** Of the first step; the program reads it from memory, so that it can change from step to step. */
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  /** Of Adam: shares of the moments that stay, and what is added to the root of the second. */
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Multiplies the gradients, so that small values survive in f16; the update divides by it. */
  readonly lossScale: number;
  /** A step whose gradients overflow is left out and halves the loss scale; `lossScaleInterval` steps without double it. */
  readonly dynamicLossScale: boolean;
  readonly lossScaleInterval: number;
}

/** The layer of an optimizer: its kind, the states that it keeps for each parameter, its settings. */
interface Rule {
  readonly kind: string;
  readonly states: readonly string[];
  attrs(options: OptimizerOptions): Attrs;
}

const adam = (decoupled: boolean): Rule => ({
  kind: 'adam',
  states: ['first', 'second'],
  attrs: ({ weightDecay, beta1, beta2, epsilon }) => ({ weightDecay, beta1, beta2, epsilon, decoupled }),
});

const RULES = {
  none: undefined,
  sgd: { kind: 'sgd', states: [], attrs: ({ weightDecay }) => ({ weightDecay }) },
  momentum: {
    kind: 'momentum',
    states: ['velocity'],
    attrs: ({ weightDecay, momentum, nesterov }) => ({ weightDecay, momentum, nesterov }),
  },
  adam: adam(false),
  adamw: adam(true),
} as const satisfies Record<string, Rule | undefined>;

export type Optimizer = keyof typeof RULES;
export const OPTIMIZERS = Object.keys(RULES) as readonly Optimizer[];

/**
 * Emits the update of every parameter on its f32 master copy; f16 weights are rounded from it. Returns what the caller
 * can read: the updated parameters, or the gradients where there is no optimizer.
 */
export function emitUpdates(
  builder: GraphBuilder,
  gradients: ReadonlyMap<string, string>,
  control: string | undefined,
  options: OptimizerOptions,
): string[] {
  const rule = RULES[options.optimizer];
  if (rule === undefined || control === undefined) return [...gradients.values()];
  const state = emitControl(builder, gradients.values(), control, options);
  return [...gradients].map(([parameter, gradient]) => emitUpdate(builder, parameter, gradient, state, rule, rule.attrs(options)));
}

function emitUpdate(builder: GraphBuilder, parameter: string, gradient: string, control: string, rule: Rule, attrs: Attrs): string {
  const isHalf = builder.typeOf(parameter).dtype === 'f16';
  const master = isHalf ? masterOf(builder, parameter) : parameter;
  const masterKind: TensorKind = isHalf ? 'optimizerState' : 'weight';
  const states = rule.states.map((state) => zeroState(builder, parameter, state));
  const names = [master, ...states, ...(isHalf ? [parameter] : [])];
  const outputs = builder.layer({
    kind: rule.kind,
    name: `${parameter}.update`,
    inputs: [master, ...states, gradient, control],
    attrs,
    phase: 'update',
    origin: parameter,
    outputs: names.map((n) => builder.freeName(`${n}.next`)),
    outputKinds: [masterKind, ...states.map(() => 'optimizerState' as const), ...(isHalf ? ['weight' as const] : [])],
  });
  outputs.forEach((output, i) => builder.shareStorage(output, names[i] ?? master));
  return (isHalf ? outputs.at(-1) : outputs[0]) ?? parameter;
}

/** The f32 master copy of an f16 weight; the weight starts as its rounding. */
function masterOf(builder: GraphBuilder, parameter: string): string {
  const tensor = builder.tensorOf(parameter);
  const name = builder.freeName(masterName(parameter));
  const constant = tensor.constant ?? { form: 'splat' as const, value: 0 };
  builder.constant(name, { dtype: 'f32', shape: tensor.type.shape }, 'optimizerState', constant);
  builder.replaceConstant(parameter, { form: 'copyOf', tensor: name });
  return name;
}

/** Name of the f32 master copy of an f16 weight. */
export function masterName(parameter: string): string {
  return `${parameter}.master`;
}

function zeroState(builder: GraphBuilder, parameter: string, state: string): string {
  const { type } = builder.tensorOf(parameter);
  return builder.constant(builder.freeName(`${parameter}.${state}`), { dtype: 'f32', shape: type.shape }, 'optimizerState', {
    form: 'splat',
    value: 0,
  });
}
