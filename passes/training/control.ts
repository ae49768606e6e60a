import type { GraphBuilder } from '../../ir/build.ts';
import { initialControl } from '../../ir/layers/control.ts';
import { f32 } from '../../ir/layers/types.ts';
import type { OptimizerOptions } from './update.ts';

/** Name of the f32 tensor of one element that the caller may write between steps: the learning rate of the steps to come. */
export const LEARNING_RATE = 'training.learning_rate';

/** Name of the tensor that holds the state of the training step (ir/layers/control.ts). */
export const CONTROL_TENSOR = 'training.control';

/** Adds the state that a training program keeps from step to step; without an optimizer there is none. */
export function addControl(builder: GraphBuilder, options: OptimizerOptions): string | undefined {
  if (options.optimizer === 'none') return undefined;
  const values = initialControl(options.lossScale);
  builder.constant(LEARNING_RATE, f32([1]), 'optimizerState', { form: 'splat', value: options.learningRate });
  return builder.constant(CONTROL_TENSOR, f32([values.length]), 'optimizerState', { form: 'values', values });
}

/**
 * Emits what precedes the updates: with a dynamic loss scale the check of every gradient, then the step of the control state.
 * Returns the control tensor that the updates read.
 */
export function emitControl(builder: GraphBuilder, gradients: Iterable<string>, control: string, options: OptimizerOptions): string {
  const { dynamicLossScale, lossScaleInterval, beta1, beta2 } = options;
  const emit = (kind: string, name: string, inputs: readonly string[], attrs = {}): string => {
    const wanted = builder.freeName(`${control}.next`);
    builder.layer({ kind, name, inputs, attrs, phase: 'update', origin: 'optimizer', outputs: [wanted], outputKinds: ['optimizerState'] });
    builder.shareStorage(wanted, control);
    return wanted;
  };
  let state = control;
  if (dynamicLossScale) for (const gradient of gradients) state = emit('overflow_check', `${gradient}.check`, [gradient, state]);
  const attrs = { dynamic: dynamicLossScale, interval: lossScaleInterval, beta1, beta2 };
  return emit('step_control', 'training.step', [state, LEARNING_RATE], attrs);
}
