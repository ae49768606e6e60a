import type { TrainingOptions } from './index.ts';
import type { Optimizer } from './update.ts';

/** Those of Adam are smaller by what its steps are larger: every parameter moves by about the rate. */
const LEARNING_RATES: Readonly<Record<Optimizer, number>> = { none: 0.1, sgd: 0.1, momentum: 0.1, adam: 1e-3, adamw: 1e-3 };

/** Fixed: leaves a factor of 2^9 to gradients above 1; dynamic: high, since the first overflows bring it down. */
const LOSS_SCALES = { fixed: 128, dynamic: 65536 } as const;

/** The choices of a training step, those that are not made filled in. */
export function withDefaults(given: Partial<TrainingOptions>): TrainingOptions {
  const { optimizer = 'momentum', dynamicLossScale = false } = given;
  return {
    optimizer,
    learningRate: given.learningRate ?? LEARNING_RATES[optimizer],
    momentum: given.momentum ?? 0.9,
    nesterov: given.nesterov ?? false,
    weightDecay: given.weightDecay ?? 1e-4,
    beta1: given.beta1 ?? 0.9,
    beta2: given.beta2 ?? 0.999,
    epsilon: given.epsilon ?? 1e-8,
    lossScale: given.lossScale ?? (dynamicLossScale ? LOSS_SCALES.dynamic : LOSS_SCALES.fixed),
    dynamicLossScale,
    lossScaleInterval: given.lossScaleInterval ?? 2000,
    loss: given.loss ?? 'cross-entropy',
    // That of the auxiliary classifiers of GoogLeNet.
    auxiliaryWeight: given.auxiliaryWeight ?? 0.3,
  };
}
