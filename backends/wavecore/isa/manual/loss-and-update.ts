import type { Behaviour } from './behaviour.ts';

/** The loss, and the optimizer's step. */
export const LOSS_AND_UPDATE = {
  'v.softmax': {
    code: 'for n < N, o < OUTER, i < INNER: for l < LENGTH: dst[n][o][l][i] = f16once(exp(logs(src[n][o][·][i])[l]))      all of the run is read first',
  },
  'v.log_softmax': {
    code: 'for n < N, o < OUTER, i < INNER: for l < LENGTH: dst[n][o][l][i] = f16once(logs(src[n][o][·][i])[l])      all of the run is read first',
  },
  'v.softmax_loss': {
    code: `for n < N:
  a fault unless 0 ≤ labels[n] < COUNT
  z = logs(logits[n])
  loss[n] = f32(−WEIGHT × z[labels[n]])
  for i < COUNT: dlogits[n][i] = f16once(SCALE × (exp(z[i]) − (i = labels[n] ? 1 : 0)))`,
  },
  'v.sgd': {
    code: `for i < COUNT:
  g = f32(f32(GRADSCALE × grad[i]) + f32(DECAY × master[i]))
  master[i] = f32(master[i] − f32(LR × g))
  if withWeight: weight[i] = f16(master[i])`,
  },
  'v.momentum': {
    code: `for i < COUNT:
  g = f32(f32(GRADSCALE × grad[i]) + f32(DECAY × master[i]))
  speed = f32(f32(MOMENTUM × velocity[i]) + g)
  step = NESTEROV ? f32(g + f32(MOMENTUM × speed)) : speed
  after = f32(master[i] − f32(LR × step))
  velocity[i] = speed
  master[i] = after
  if withWeight: weight[i] = f16(after)`,
  },
} as const satisfies Record<string, Behaviour>;
