import {
  base,
  bits,
  type Context,
  counted,
  double,
  half,
  images,
  logs,
  type Run,
  setBits,
  setDouble,
  setHalf,
  setSingle,
  single,
} from './context.ts';
import { GENERAL } from './general.ts';
import { f16, f16once, f32 } from './memory.ts';
import { NORMALIZATION } from './normalization.ts';

const maskAt = (x: Context, n: number): number => x.operand('mask') + n * Math.ceil(x.int('COUNT') / 8);

/** Writes masks of N samples of COUNT bits. */
function setMask(x: Context, keep: (n: number, i: number) => boolean): void {
  const count = x.int('COUNT');
  for (const [n = 0, block = 0] of counted(x.int('N'), Math.ceil(count / 8))) {
    let byte = 0;
    for (let j = 0; j < 8; j++) if (8 * block + j < count && keep(n, 8 * block + j)) byte += 2 ** j;
    x.memory.bytes[maskAt(x, n) + block] = byte;
  }
}

const elementwise =
  (value: (x: Context, i: number) => number): Run =>
  (x) => {
    for (const [i = 0] of counted(x.int('N') * x.int('COUNT'))) setHalf(x, 'dst', i, value(x, i));
  };

const sum: Run = (x) => {
  for (const [i = 0] of counted(x.int('COUNT'))) setSingle(x, 'dst', i, f32(single(x, 'a', i) + single(x, 'b', i)));
};

const relu: Run = (x) => {
  const count = x.int('COUNT');
  const positive = (n: number, i: number): boolean => bits(x, 'src', n * count + i) >= 1 && bits(x, 'src', n * count + i) <= 0x7c00;
  // The mask first: the result may take the place of the source.
  if (x.operand('withMask') !== 0) setMask(x, positive);
  for (const [n = 0, i = 0] of counted(x.int('N'), count)) {
    const b = bits(x, 'src', n * count + i);
    setBits(x, 'dst', n * count + i, positive(n, i) || (b & 0x7fff) > 0x7c00 ? b : 0);
  }
};

const reluGrad: Run = (x) => {
  for (const [n = 0, i = 0] of counted(x.int('N'), x.int('COUNT'))) {
    const at = n * x.int('COUNT') + i;
    setBits(x, 'dst', at, x.memory.bit(maskAt(x, n), i) ? bits(x, 'dy', at) : 0);
  }
};

const sumAt = (x: Context, at: number): number => f16(half(x, 'a', at) + half(x, 'b', at));

const addRelu: Run = (x) => {
  const count = x.int('COUNT');
  const positive = (n: number, i: number): boolean => sumAt(x, n * count + i) > 0;
  // The mask first: the result may take the place of an operand.
  if (x.operand('withMask') !== 0) setMask(x, positive);
  for (const [i = 0] of counted(x.int('N') * count)) {
    const s = sumAt(x, i);
    setHalf(x, 'dst', i, s > 0 || Number.isNaN(s) ? s : 0);
  }
};

const addReluGrad: Run = (x) => {
  for (const [n = 0, i = 0] of counted(x.int('N'), x.int('COUNT'))) {
    const at = n * x.int('COUNT') + i;
    setHalf(x, 'dst', at, x.memory.bit(maskAt(x, n), i) ? sumAt(x, at) : 0);
  }
};

function draw(seed: number, sample: number, element: number): number {
  const WORD = 2n ** 32n;
  const mix = (value: bigint): bigint => {
    let h = ((value % WORD) + WORD) % WORD;
    h ^= h >> 16n;
    h = (h * 0x85ebca6bn) % WORD;
    h ^= h >> 13n;
    h = (h * 0xc2b2ae35n) % WORD;
    return h ^ (h >> 16n);
  };
  return Number(mix(mix(mix(BigInt(seed)) + BigInt(sample)) + BigInt(element)));
}

const dropout: Run = (x) => {
  const keep = (n: number, e: number): boolean =>
    draw(x.int('SEED') + Math.imul(x.float('STEP'), 0x9e3779b9), x.operand('sample0') + n, e) >= Math.floor(x.float('RATIO') * 2 ** 32);
  for (const [n = 0, e = 0] of counted(x.int('N'), x.int('COUNT'))) {
    const at = n * x.int('COUNT') + e;
    setHalf(x, 'dst', at, keep(n, e) ? f16(half(x, 'src', at) * x.float('SCALE')) : 0);
  }
  if (x.operand('withMask') !== 0) setMask(x, keep);
};

const dropoutGrad: Run = (x) => {
  for (const [n = 0, e = 0] of counted(x.int('N'), x.int('COUNT'))) {
    const at = n * x.int('COUNT') + e;
    setHalf(x, 'dst', at, x.memory.bit(maskAt(x, n), e) ? f16(half(x, 'dy', at) * x.float('SCALE')) : 0);
  }
};

const biasSums: Run = (x) => {
  for (const { c, at } of images(x)) setDouble(x, 'state', c, double(x, 'state', c) + half(x, 'dy', at));
};

const biasEnd: Run = (x) => {
  for (let c = 0; c < x.int('C'); c++) setSingle(x, 'db', c, f32(base(x, 'db', c) + f32(double(x, 'state', c))));
};

/** Sums over neighbouring channels of one sample, each with `below` channels before and `above` behind. */
function neighbours(x: Context, values: readonly number[], below: number, above: number): number[] {
  const [C, pixels] = [x.int('C'), x.int('H') * x.int('W')];
  return values.map((_, at) => {
    const [c, i] = [Math.floor(at / pixels), at % pixels];
    let total = 0;
    for (let j = Math.max(0, c - below); j <= Math.min(C - 1, c + above); j++) total = total + (values[j * pixels + i] ?? 0);
    return total;
  });
}

const sample = (x: Context, name: string, n: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => half(x, name, n * count + i));

function denominators(x: Context, u: readonly number[]): number[] {
  const reach = (x.int('SIZE') - 1) / 2;
  const squares = neighbours(
    x,
    u.map((v) => v * v),
    Math.floor(reach),
    Math.ceil(reach),
  );
  return squares.map((total) => x.float('BIAS') + (x.float('ALPHA') / x.int('SIZE')) * total);
}

const lrn: Run = (x) => {
  const count = x.int('C') * x.int('H') * x.int('W');
  for (let n = 0; n < x.int('N'); n++) {
    const u = sample(x, 'src', n, count);
    denominators(x, u).forEach((d, i) => setHalf(x, 'dst', n * count + i, f16once((u[i] ?? 0) * d ** -x.float('BETA'))));
  }
};

const lrnGrad: Run = (x) => {
  const count = x.int('C') * x.int('H') * x.int('W');
  const beta = x.float('BETA');
  const factor = (2 * x.float('ALPHA') * beta) / x.int('SIZE');
  const reach = (x.int('SIZE') - 1) / 2;
  for (let n = 0; n < x.int('N'); n++) {
    const [u, v] = [sample(x, 'x', n, count), sample(x, 'dy', n, count)];
    const d = denominators(x, u);
    const e = v.map((g, i) => g * (u[i] ?? 0) * (d[i] ?? 0) ** (-beta - 1));
    const totals = neighbours(x, e, Math.ceil(reach), Math.floor(reach));
    v.forEach((g, i) => setHalf(x, 'dst', n * count + i, f16once(g * (d[i] ?? 0) ** -beta - factor * (u[i] ?? 0) * (totals[i] ?? 0))));
  }
};

function* positions(x: Context, p: number, q: number, top = x.int('PT'), rows = x.int('H')): Generator<[number, number, number]> {
  for (const [r = 0, s = 0] of counted(x.int('R'), x.int('S'))) {
    const [h, w] = [p * x.int('SH') - top + r * x.int('DH'), q * x.int('SW') - x.int('PL') + s * x.int('DW')];
    if (h >= 0 && h < rows && w >= 0 && w < x.int('W')) yield [h, w, r * x.int('S') + s];
  }
}

/** Loops over n < N, c < C, p < P, q < Q: the plane, the window, and the window's number. */
function* windows(x: Context): Generator<{ plane: number; p: number; q: number; at: number }> {
  const [C, P, Q] = [x.int('C'), x.int('P'), x.int('Q')];
  for (const [n = 0, c = 0, p = 0, q = 0] of counted(x.int('N'), C, P, Q)) {
    const plane = n * C + c;
    yield { plane, p, q, at: (plane * P + p) * Q + q };
  }
}

const pixel = (x: Context, plane: number, h: number, w: number): number => (plane * x.int('H') + h) * x.int('W') + w;

const maxPool: Run = (x) => {
  for (const { plane, p, q, at } of windows(x)) {
    let best: { element: number; tap: number } | undefined;
    for (const [h, w, tap] of positions(x, p, q)) {
      const element = pixel(x, plane, h, w);
      if (best === undefined || half(x, 'src', element) > half(x, 'src', best.element)) best = { element, tap };
    }
    setBits(x, 'dst', at, best === undefined ? 0xfc00 : bits(x, 'src', best.element));
    if (x.operand('withIndex') !== 0) x.memory.bytes[x.operand('index') + at] = best?.tap ?? 0;
  }
};

/** Adds up what windows give to pixels, and stores the sums of every plane. */
function scatter(
  x: Context,
  give: (at: number, plane: number, p: number, q: number, add: (h: number, w: number, value: number) => void) => void,
): void {
  const sums = new Map<number, number>();
  for (const { plane, p, q, at } of windows(x)) {
    give(at, plane, p, q, (h, w, value) => {
      const element = pixel(x, plane, h, w);
      sums.set(element, f32((sums.get(element) ?? 0) + value));
    });
  }
  for (const { at } of images(x)) setHalf(x, 'dst', at, f16(sums.get(at) ?? 0));
}

const maxPoolGrad: Run = (x) => {
  scatter(x, (at, _plane, p, q, add) => {
    const tap = x.memory.bytes[x.operand('index') + at] ?? 0;
    const h = p * x.int('SH') - x.int('PT') + Math.floor(tap / x.int('S')) * x.int('DH');
    const w = q * x.int('SW') - x.int('PL') + (tap % x.int('S')) * x.int('DW');
    if (h >= 0 && h < x.int('H') && w >= 0 && w < x.int('W')) add(h, w, half(x, 'dy', at));
  });
};

const avgPool: Run = (x) => {
  for (const { plane, p, q, at } of windows(x)) {
    let [total, inside] = [0, 0];
    for (const [h, w] of positions(x, p, q)) {
      total = f32(total + half(x, 'src', pixel(x, plane, h, w)));
      inside++;
    }
    setHalf(x, 'dst', at, f16(total / (x.int('DIVISOR') === 0 ? inside : x.int('DIVISOR'))));
  }
};

const avgPoolGrad: Run = (x) => {
  scatter(x, (at, _plane, p, q, add) => {
    const inImage = [...positions(x, p, q, x.int('PT') - x.int('ROW0'), x.int('FULLH'))].length;
    const share = f32(half(x, 'dy', at) / (x.int('DIVISOR') !== 0 ? x.int('DIVISOR') : inImage));
    for (const [h, w] of positions(x, p, q)) add(h, w, share);
  });
};

const softmaxLoss: Run = (x) => {
  for (let n = 0; n < x.int('N'); n++) {
    const label = x.memory.word(x.operand('labels') + 4 * n);
    const z = logs(sample(x, 'logits', n, x.int('COUNT')));
    setSingle(x, 'loss', n, f32(-x.float('WEIGHT') * (z[label] ?? Number.NaN)));
    z.forEach((v, i) =>
      setHalf(
        x,
        'dlogits',
        n * x.int('COUNT') + i,
        f16once(f32(x.float('SCALE') * x.float('LOSSSCALE')) * (Math.exp(v) - (i === label ? 1 : 0))),
      ),
    );
  }
};

const decayed = (x: Context, i: number): number =>
  f32(f32(x.float('GRADSCALE') * single(x, 'grad', i)) + f32(x.float('DECAY') * single(x, 'master', i)));

const sgd: Run = (x) => {
  for (let i = 0; i < x.int('COUNT'); i++) {
    if (x.float('HOLD') === 0) setSingle(x, 'master', i, f32(single(x, 'master', i) - f32(x.float('LR') * decayed(x, i))));
    else setSingle(x, 'master', i, single(x, 'master', i));
    if (x.operand('withWeight') !== 0) setHalf(x, 'weight', i, f16(single(x, 'master', i)));
  }
};

const momentum: Run = (x) => {
  for (let i = 0; i < x.int('COUNT'); i++) {
    const g = decayed(x, i);
    const speed = f32(f32(x.float('MOMENTUM') * single(x, 'velocity', i)) + g);
    const step = x.int('NESTEROV') !== 0 ? f32(g + f32(x.float('MOMENTUM') * speed)) : speed;
    if (x.float('HOLD') === 0) {
      setSingle(x, 'velocity', i, speed);
      setSingle(x, 'master', i, f32(single(x, 'master', i) - f32(x.float('LR') * step)));
    }
    if (x.operand('withWeight') !== 0) setHalf(x, 'weight', i, f16(single(x, 'master', i)));
  }
};

const adam: Run = (x) => {
  const decoupled = x.int('DECOUPLED') !== 0;
  for (let i = 0; i < x.int('COUNT'); i++) {
    const before = single(x, 'master', i);
    const g = f32(f32(x.float('GRADSCALE') * single(x, 'grad', i)) + f32((decoupled ? 0 : x.float('DECAY')) * before));
    const m = f32(f32(x.float('BETA1') * single(x, 'first', i)) + f32(f32(1 - x.float('BETA1')) * g));
    const v = f32(f32(x.float('BETA2') * single(x, 'second', i)) + f32(f32(1 - x.float('BETA2')) * f32(g * g)));
    let step = f32(f32(x.float('CORRECT1') * m) / f32(f32(Math.sqrt(f32(x.float('CORRECT2') * v))) + x.float('EPS')));
    if (decoupled) step = f32(step + f32(x.float('DECAY') * before));
    if (x.float('HOLD') === 0) {
      setSingle(x, 'first', i, m);
      setSingle(x, 'second', i, v);
      setSingle(x, 'master', i, f32(before - f32(x.float('LR') * step)));
    }
    if (x.operand('withWeight') !== 0) setHalf(x, 'weight', i, f16(single(x, 'master', i)));
  }
};

const mseLoss: Run = (x) => {
  const count = x.int('COUNT');
  const scale = (2 * f32(x.float('SCALE') * x.float('LOSSSCALE'))) / count;
  for (let n = 0; n < x.int('N'); n++) {
    let total = 0;
    for (let i = n * count; i < (n + 1) * count; i++) {
      const d = half(x, 'y', i) - half(x, 'target', i);
      total = total + d * d;
      setHalf(x, 'dy', i, f16once(scale * d));
    }
    setSingle(x, 'loss', n, f32((x.float('WEIGHT') * total) / count));
  }
};

const checkFinite: Run = (x) => {
  for (let i = 0; i < x.int('COUNT'); i++) if (!Number.isFinite(single(x, 'grad', i))) setSingle(x, 'control', 3, 1);
};

const step: Run = (x) => {
  const control = (word: number): number => single(x, 'control', word);
  const set = (word: number, value: number): void => setSingle(x, 'control', word, f32(value));
  const hold = control(3) !== 0;
  const scale = control(1);
  set(0, single(x, 'rate', 0));
  set(2, 1 / scale);
  set(3, 0);
  set(4, hold ? 1 : 0);
  set(6, control(6) + 1);
  if (!hold) {
    set(7, control(7) * x.float('BETA1'));
    set(8, control(8) * x.float('BETA2'));
    set(9, 1 / f32(1 - control(7)));
    set(10, 1 / f32(1 - control(8)));
  }
  if (x.int('DYNAMIC') === 0) return;
  const good = hold ? 0 : control(5) + 1;
  const grows = good >= x.int('INTERVAL');
  set(5, grows ? 0 : good);
  if (hold) set(1, Math.max(scale / 2, 1));
  else if (grows) set(1, Math.min(scale * 2, 2 ** 24));
};

const fill: Run = (x) => {
  x.memory.bytes.fill(0, x.operand('dst'), x.operand('dst') + x.operand('bytes'));
};

const copy: Run = (x) => {
  for (let r = 0; r < x.int('ROWS'); r++) {
    const from = x.operand('src') + r * x.int('SRCSTRIDE');
    x.memory.bytes.set(x.memory.bytes.slice(from, from + x.int('ROWBYTES')), x.operand('dst') + r * x.int('DSTSTRIDE'));
  }
};

const affine: Run = (x) => {
  for (const { c, at } of images(x)) setHalf(x, 'dst', at, f16(f32(half(x, 'src', at) * single(x, 'scale', c)) + single(x, 'shift', c)));
};

/** Every vector instruction, as slow and as plain as its pseudo-code. */
export const VECTOR: Readonly<Record<string, Run>> = {
  'v.fill': fill,
  'v.copy': copy,
  'v.relu': relu,
  'v.relu_grad': reluGrad,
  'v.add_relu': addRelu,
  'v.add_relu_grad': addReluGrad,
  'v.add': elementwise((x, i) => f16(half(x, 'a', i) + half(x, 'b', i))),
  'v.mul': elementwise((x, i) => f16(half(x, 'a', i) * half(x, 'b', i))),
  'v.affine': affine,
  'v.max_pool': maxPool,
  'v.max_pool_grad': maxPoolGrad,
  'v.avg_pool': avgPool,
  'v.avg_pool_grad': avgPoolGrad,
  'v.lrn': lrn,
  'v.lrn_grad': lrnGrad,
  'v.dropout': dropout,
  'v.dropout_grad': dropoutGrad,
  'v.softmax_loss': softmaxLoss,
  'v.bias_sums': biasSums,
  'v.bias_end': biasEnd,
  'v.sum': sum,
  'v.sgd': sgd,
  'v.momentum': momentum,
  'v.adam': adam,
  'v.mse_loss': mseLoss,
  'v.ld_cfg': (x) => x.setSlot(x.operand('slot'), x.memory.word(x.operand('src'))),
  'v.check_finite': checkFinite,
  'v.step': step,
  ...NORMALIZATION,
  ...GENERAL,
};
