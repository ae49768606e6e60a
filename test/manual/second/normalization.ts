import { base, type Context, counted, double, half, images, type Run, setDouble, setHalf, setSingle, single } from './context.ts';
import { f16, f32 } from './memory.ts';

const sets = (x: Context): number => (x.int('CROSS') !== 0 ? 1 : x.int('N'));
const setOf = (x: Context, n: number): number => (x.int('CROSS') !== 0 ? 0 : n);
const groupOf = (x: Context, c: number): number => Math.floor((c * x.int('GROUPS')) / x.int('C'));
/** Index of state[set(n)][c].0. */
const state = (x: Context, n: number, c: number): number => 2 * (setOf(x, n) * x.int('C') + c);
/** Index of stats[set(n)][group(c)].0. */
const pair = (x: Context, n: number, c: number): number => 2 * (setOf(x, n) * x.int('GROUPS') + groupOf(x, c));

const stats: Run = (x) => {
  for (const { n, c, at } of images(x)) {
    const v = half(x, 'src', at);
    setDouble(x, 'state', state(x, n, c), double(x, 'state', state(x, n, c)) + v);
    setDouble(x, 'state', state(x, n, c) + 1, double(x, 'state', state(x, n, c) + 1) + v * v);
  }
};

/** Two sums over the channels of a group, in order. */
function groupSums(x: Context, g: number, first: (c: number) => number, second: (c: number) => number): [number, number] {
  let [s, t] = [0, 0];
  for (let c = 0; c < x.int('C'); c++) {
    if (groupOf(x, c) !== g) continue;
    s = s + first(c);
    t = t + second(c);
  }
  return [s, t];
}

/** state[j][c].0 or .1. */
const stateOf = (x: Context, j: number, c: number, part: 0 | 1): number => double(x, 'state', 2 * (j * x.int('C') + c) + part);

const statsEnd: Run = (x) => {
  const [M, EPS] = [x.int('M'), x.float('EPS')];
  for (const [j = 0, g = 0] of counted(sets(x), x.int('GROUPS'))) {
    const [s, t] = groupSums(
      x,
      g,
      (c) => stateOf(x, j, c, 0),
      (c) => stateOf(x, j, c, 1),
    );
    const mean = s / M;
    setSingle(x, 'stats', 2 * (j * x.int('GROUPS') + g), f32(mean));
    setSingle(x, 'stats', 2 * (j * x.int('GROUPS') + g) + 1, f32(1 / Math.sqrt(t / M - mean * mean + EPS)));
  }
};

const norm: Run = (x) => {
  for (const { n, c, at } of images(x)) {
    const scale = f32(single(x, 'stats', pair(x, n, c) + 1) * single(x, 'gamma', c));
    const shift = f32(single(x, 'beta', c) - f32(single(x, 'stats', pair(x, n, c)) * scale));
    setHalf(x, 'dst', at, f16(f32(half(x, 'src', at) * scale) + shift));
  }
};

/** Elements of a sample, and the bytes of its mask. */
const elements = (x: Context): number => x.int('C') * x.int('H') * x.int('W');
const maskAt = (x: Context, n: number): number => x.operand('mask') + n * Math.ceil(elements(x) / 8);

const normRelu: Run = (x) => {
  norm(x);
  const kept = new Set<number>();
  for (const { at } of images(x)) {
    const s = half(x, 'dst', at);
    if (s > 0) kept.add(at);
    else if (!Number.isNaN(s)) setHalf(x, 'dst', at, 0);
  }
  if (x.operand('withMask') === 0) return;
  for (const [n = 0, block = 0] of counted(x.int('N'), Math.ceil(elements(x) / 8))) {
    let byte = 0;
    for (let j = 0; j < 8; j++) if (8 * block + j < elements(x) && kept.has(n * elements(x) + 8 * block + j)) byte += 2 ** j;
    x.memory.bytes[maskAt(x, n) + block] = byte;
  }
};

/** mask ? dy : +0. */
const maskedDy = (x: Context, n: number, at: number): number => (x.memory.bit(maskAt(x, n), at - n * elements(x)) ? half(x, 'dy', at) : 0);

type Gradient = (x: Context, n: number, at: number) => number;
const plainDy: Gradient = (x, _n, at) => half(x, 'dy', at);

const addGradSums =
  (gradient: Gradient): Run =>
  (x) => {
    for (const { n, c, at } of images(x)) {
      const dy = gradient(x, n, at);
      setDouble(x, 'state', state(x, n, c), double(x, 'state', state(x, n, c)) + dy);
      setDouble(x, 'state', state(x, n, c) + 1, double(x, 'state', state(x, n, c) + 1) + dy * half(x, 'x', at));
    }
  };

const normGradEnd: Run = (x) => {
  const product = (j: number, c: number): number => {
    const p = 2 * (j * x.int('GROUPS') + groupOf(x, c));
    return (stateOf(x, j, c, 1) - single(x, 'stats', p) * stateOf(x, j, c, 0)) * single(x, 'stats', p + 1);
  };
  for (const [j = 0, g = 0] of counted(sets(x), x.int('GROUPS'))) {
    const [s, t] = groupSums(
      x,
      g,
      (c) => single(x, 'gamma', c) * stateOf(x, j, c, 0),
      (c) => single(x, 'gamma', c) * product(j, c),
    );
    setSingle(x, 'sums', 2 * (j * x.int('GROUPS') + g), f32(s));
    setSingle(x, 'sums', 2 * (j * x.int('GROUPS') + g) + 1, f32(t));
  }
  for (let c = 0; c < x.int('C'); c++) {
    let [s, t] = [0, 0];
    for (let j = 0; j < sets(x); j++) {
      s = s + stateOf(x, j, c, 0);
      t = t + product(j, c);
    }
    setSingle(x, 'dgamma', c, f32(base(x, 'dgamma', c) + f32(t)));
    setSingle(x, 'dbeta', c, f32(base(x, 'dbeta', c) + f32(s)));
  }
};

const applyGrad =
  (gradient: Gradient): Run =>
  (x) => {
    for (const { n, c, at } of images(x)) {
      const [mean, rstd] = [single(x, 'stats', pair(x, n, c)), single(x, 'stats', pair(x, n, c) + 1)];
      const [s, t] = [single(x, 'sums', pair(x, n, c)), single(x, 'sums', pair(x, n, c) + 1)];
      const part = f32(rstd / x.int('M'));
      const slope = f32(f32(part * t) * rstd);
      const offset = f32(f32(part * s) - f32(slope * mean));
      const share = f32(f32(slope * half(x, 'x', at)) + offset);
      setHalf(x, 'dst', at, f16(f32(f32(rstd * single(x, 'gamma', c)) * gradient(x, n, at)) - share));
    }
  };

const running: Run = (x) => {
  const [stays, moves] = [x.float('MOMENTUM'), f32(1 - x.float('MOMENTUM'))];
  for (let c = 0; c < x.int('C'); c++) {
    const rstd = single(x, 'stats', 2 * c + 1);
    const v = f32(Math.max(0, 1 / (rstd * rstd) - x.float('EPS')));
    setSingle(x, 'mean', c, f32(f32(stays * single(x, 'mean', c)) + f32(moves * single(x, 'stats', 2 * c))));
    setSingle(x, 'variance', c, f32(f32(stays * single(x, 'variance', c)) + f32(moves * v)));
  }
};

/** Statistics over channels, their gradients, and normalization, as slow and as plain as their pseudo-code. */
export const NORMALIZATION: Readonly<Record<string, Run>> = {
  'v.stats': stats,
  'v.stats_end': statsEnd,
  'v.norm': norm,
  'v.norm_relu': normRelu,
  'v.norm_grad_sums': addGradSums(plainDy),
  'v.norm_relu_grad_sums': addGradSums(maskedDy),
  'v.norm_grad_end': normGradEnd,
  'v.norm_grad': applyGrad(plainDy),
  'v.norm_relu_grad': applyGrad(maskedDy),
  'v.running': running,
};
