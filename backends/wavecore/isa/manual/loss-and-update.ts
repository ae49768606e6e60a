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
  for i < COUNT: dlogits[n][i] = f16once(f32(SCALE × LOSSSCALE) × (exp(z[i]) − (i = labels[n] ? 1 : 0)))`,
  },
  'v.mse_loss': {
    code: `scale = 2 × f32(SCALE × LOSSSCALE) / COUNT      in f64
for n < N:
  total = 0
  for i < COUNT, in order:
    d = y[n][i] − target[n][i]
    total = total + d × d
    dy[n][i] = f16once(scale × d)
  loss[n] = f32(WEIGHT × total / COUNT)      from left to right, in f64`,
  },
  'v.sgd': {
    code: `for i < COUNT:
  g = f32(f32(GRADSCALE × grad[i]) + f32(DECAY × master[i]))
  master[i] = HOLD ≠ 0 ? master[i] : f32(master[i] − f32(LR × g))
  if withWeight: weight[i] = f16(master[i])`,
  },
  'v.momentum': {
    code: `for i < COUNT:
  g = f32(f32(GRADSCALE × grad[i]) + f32(DECAY × master[i]))
  speed = f32(f32(MOMENTUM × velocity[i]) + g)
  step = NESTEROV ? f32(g + f32(MOMENTUM × speed)) : speed
  if HOLD = 0:
    velocity[i] = speed
    master[i] = f32(master[i] − f32(LR × step))
  if withWeight: weight[i] = f16(master[i])`,
  },
  'v.adam': {
    code: `for i < COUNT:
  g = f32(f32(GRADSCALE × grad[i]) + f32((DECOUPLED ? 0 : DECAY) × master[i]))
  m = f32(f32(BETA1 × first[i]) + f32(f32(1 − BETA1) × g))
  v = f32(f32(BETA2 × second[i]) + f32(f32(1 − BETA2) × f32(g × g)))
  step = f32(f32(CORRECT1 × m) / f32(f32(sqrt(f32(CORRECT2 × v))) + EPS))
  if DECOUPLED: step = f32(step + f32(DECAY × master[i]))
  if HOLD = 0:
    first[i] = m
    second[i] = v
    master[i] = f32(master[i] − f32(LR × step))
  if withWeight: weight[i] = f16(master[i])`,
  },
  'v.ld_cfg': { code: 'slots[slot] = the 32 bits of src[0]' },
  'v.check_finite': {
    code: `for i < COUNT:
  if grad[i] is an infinity or NaN: control[3] = 1`,
  },
  'v.step': {
    code: `hold = control[3] ≠ 0      words of control: 0 learning rate, 1 loss scale, 2 its reciprocal, 3 overflow, 4 hold,
scale = control[1]         5 steps since the loss scale changed, 6 steps, 7 and 8 powers of the betas, 9 and 10 corrections
control[0] = rate[0]
control[2] = f32(1 / scale)
control[3] = 0
control[4] = hold ? 1 : 0
control[6] = f32(control[6] + 1)
if not hold:
  control[7] = f32(control[7] × BETA1)
  control[8] = f32(control[8] × BETA2)
  control[9] = f32(1 / f32(1 − control[7]))
  control[10] = f32(1 / f32(1 − control[8]))
if DYNAMIC:
  good = hold ? 0 : control[5] + 1
  control[5] = good ≥ INTERVAL ? 0 : f32(good)
  if hold: control[1] = f32(max(scale / 2, 1))
  else if good ≥ INTERVAL: control[1] = f32(min(scale × 2, 2^24))`,
  },
} as const satisfies Record<string, Behaviour>;
