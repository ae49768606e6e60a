import type { GraphBuilder } from '../../ir/build.ts';
import type { TensorKind } from '../../ir/tensor.ts';

export const OPTIMIZERS = ['none', 'sgd', 'momentum'] as const;
export type Optimizer = (typeof OPTIMIZERS)[number];

export interface OptimizerOptions {
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly lossScale: number;
}

/**
 * Emits the update of every parameter on its f32 master copy; f16 weights are rounded from it. Returns what the caller
 * can read: the updated parameters, or the gradients where there is no optimizer.
 */
export function emitUpdates(builder: GraphBuilder, gradients: ReadonlyMap<string, string>, options: OptimizerOptions): string[] {
  if (options.optimizer === 'none') return [...gradients.values()];
  return [...gradients].map(([parameter, gradient]) => emitUpdate(builder, parameter, gradient, options));
}

function emitUpdate(builder: GraphBuilder, parameter: string, gradient: string, options: OptimizerOptions): string {
  const { type } = builder.tensorOf(parameter);
  const isHalf = type.dtype === 'f16';
  const master = isHalf ? masterOf(builder, parameter) : parameter;
  const masterKind: TensorKind = isHalf ? 'optimizerState' : 'weight';
  const { learningRate: lr, weightDecay, momentum, lossScale } = options;
  const base = { lr, weightDecay, gradScale: 1 / lossScale };
  const withMomentum = options.optimizer === 'momentum';
  const velocity = withMomentum ? [zeroState(builder, parameter)] : [];
  const names = [master, ...velocity, ...(isHalf ? [parameter] : [])];
  const outputs = builder.layer({
    kind: withMomentum ? 'momentum' : 'sgd',
    name: `${parameter}.update`,
    inputs: [master, ...velocity, gradient],
    attrs: withMomentum ? { ...base, momentum } : base,
    phase: 'update',
    origin: parameter,
    outputs: names.map((n) => builder.freeName(`${n}.next`)),
    outputKinds: [masterKind, ...velocity.map(() => 'optimizerState' as const), ...(isHalf ? ['weight' as const] : [])],
  });
  outputs.forEach((output, i) => builder.shareStorage(output, names[i] ?? master));
  return (isHalf ? outputs.at(-1) : outputs[0]) ?? parameter;
}

/** The f32 master copy of an f16 weight; the weight starts as its rounding. */
function masterOf(builder: GraphBuilder, parameter: string): string {
  const tensor = builder.tensorOf(parameter);
  const name = builder.freeName(`${parameter}.master`);
  const constant = tensor.constant ?? { form: 'splat' as const, value: 0 };
  builder.constant(name, { dtype: 'f32', shape: tensor.type.shape }, 'optimizerState', constant);
  builder.replaceConstant(parameter, { form: 'copyOf', tensor: name });
  return name;
}

function zeroState(builder: GraphBuilder, parameter: string): string {
  const { type } = builder.tensorOf(parameter);
  return builder.constant(builder.freeName(`${parameter}.velocity`), { dtype: 'f32', shape: type.shape }, 'optimizerState', {
    form: 'splat',
    value: 0,
  });
}
