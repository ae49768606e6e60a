import { bits, type Context, counted, half, logs, type Run, setBits, setHalf, setSingle, single } from './context.ts';
import { BINARY, REDUCTIONS, UNARY } from './functions.ts';
import { f16, f16once, f32 } from './memory.ts';

function entryOf<T>(x: Context, table: readonly T[]): T {
  const entry = table[x.int('OP')];
  if (entry === undefined) throw new Error(`the manual has no function ${x.int('OP')}`);
  return entry;
}

const unary: Run = (x) => {
  const [value] = entryOf(x, UNARY);
  for (const [i = 0] of counted(x.int('N') * x.int('COUNT')))
    setHalf(x, 'dst', i, f16once(value(half(x, 'src', i), x.float('ALPHA'), x.float('BETA'))));
};

const unaryGrad: Run = (x) => {
  const [, slope] = entryOf(x, UNARY);
  for (const [i = 0] of counted(x.int('N') * x.int('COUNT')))
    setHalf(x, 'dst', i, f16once(half(x, 'dy', i) * slope(half(x, 'x', i), x.float('ALPHA'), x.float('BETA'))));
};

/** Every position of the walk of four dimensions: sample, indices, number. */
function* walk(x: Context): Generator<{ n: number; k: readonly number[]; i: number }> {
  let i = 0;
  for (const [n = 0, ...k] of counted(x.int('N'), x.int('D0'), x.int('D1'), x.int('D2'), x.int('D3'))) yield { n, k, i: i++ };
}

/** Element of an operand with the strides of `letter`. */
const strided = (x: Context, letter: 'A' | 'B', k: readonly number[]): number =>
  k.reduce((at, index, d) => at + index * x.int(`${letter}${d}`), 0);

function pairAt(x: Context, n: number, k: readonly number[]): readonly [number, number] {
  const b = n * x.int('BNS') + strided(x, 'B', k);
  return [half(x, 'a', n * x.int('ANS') + strided(x, 'A', k)), x.int('WIDE') !== 0 ? single(x, 'b', b) : half(x, 'b', b)];
}

const binary: Run = (x) => {
  const [value] = entryOf(x, BINARY);
  for (const { n, k, i } of walk(x)) setHalf(x, 'dst', i, f16once(value(...pairAt(x, n, k))));
};

const binaryGrad: Run = (x) => {
  const [, byA, byB] = entryOf(x, BINARY);
  const slope = x.int('SIDE') !== 0 ? byB : byA;
  for (const { n, k, i } of walk(x)) setHalf(x, 'dst', i, f16once(half(x, 'dy', i) * slope(...pairAt(x, n, k))));
};

const sumSamples: Run = (x) => {
  if (x.operand('add') === 0) for (let j = 0; j < x.int('COUNT'); j++) setSingle(x, 'dst', j, 0);
  for (const { k, i } of walk(x)) {
    const j = strided(x, 'B', k);
    setSingle(x, 'dst', j, f32(single(x, 'dst', j) + half(x, 'src', i)));
  }
};

/** place(p) of every position, in order. */
function* places(x: Context): Generator<number> {
  const sizes = ['D0', 'D1', 'D2', 'D3', 'D4'].map((slot) => x.int(slot)).filter((size) => size !== 0);
  const firsts = sizes.map((_, d) => sizes.slice(0, d).reduce((a, b) => a + b, 0));
  const positions = sizes.length === 0 ? [[]] : counted(...sizes);
  for (const k of positions) {
    const offsets = k.map((index, d) => x.memory.word(x.operand('table') + 4 * ((firsts[d] ?? 0) + index)));
    yield offsets.some((o) => o < 0) ? -1 : offsets.reduce((a, b) => a + b, 0);
  }
}

const gather: Run = (x) => {
  const [run, span] = [x.int('RUN'), x.int('SPAN')];
  let to = 0;
  for (let n = 0; n < x.int('N'); n++) {
    for (const from of places(x)) {
      const moved = Array.from({ length: run }, (_, j) => (from < 0 ? undefined : bits(x, 'src', n * span + from + j)));
      for (const value of moved) {
        if (value === undefined) setHalf(x, 'dst', to++, f16(x.float('FILL')));
        else setBits(x, 'dst', to++, value);
      }
    }
  }
};

const scatter: Run = (x) => {
  const [run, span] = [x.int('RUN'), x.int('SPAN')];
  let from = 0;
  for (let n = 0; n < x.int('N'); n++) {
    const sums = new Array<number>(span).fill(0);
    for (const to of places(x)) {
      for (let j = 0; j < run; j++, from++) if (to >= 0) sums[to + j] = f32((sums[to + j] ?? 0) + half(x, 'src', from));
    }
    sums.forEach((sum, j) => setHalf(x, 'dst', n * span + j, f16(sum)));
  }
};

/** Every product of resampling: elements on the side of LENGTH and on the side of FROM, weight. */
function* taps(x: Context): Generator<{ near: number; far: number; weight: number }> {
  const [LENGTH, TAPS, INNER] = [x.int('LENGTH'), x.int('TAPS'), x.int('INNER')];
  for (const [o = 0, j = 0, t = 0, i = 0] of counted(x.int('N') * x.int('OUTER'), LENGTH, TAPS, INNER)) {
    const index = x.memory.word(x.operand('index') + 4 * (j * TAPS + t));
    if (index < 0) continue;
    yield { near: (o * LENGTH + j) * INNER + i, far: (o * x.int('FROM') + index) * INNER + i, weight: single(x, 'weight', j * TAPS + t) };
  }
}

const resampled =
  (length: 'LENGTH' | 'FROM', source: 'src' | 'dy'): Run =>
  (x) => {
    const sums = new Array<number>(x.int('N') * x.int('OUTER') * x.int(length) * x.int('INNER')).fill(0);
    for (const { near, far, weight } of taps(x)) {
      const [to, from] = length === 'LENGTH' ? [near, far] : [far, near];
      sums[to] = (sums[to] ?? 0) + weight * half(x, source, from);
    }
    sums.forEach((sum, i) => setHalf(x, 'dst', i, f16once(sum)));
  };

/** Elements of every run, in order. */
function* runs(x: Context): Generator<number[]> {
  const [LENGTH, INNER] = [x.int('LENGTH'), x.int('INNER')];
  for (let r = 0; r < x.int('N') * x.int('OUTER') * INNER; r++)
    yield Array.from({ length: LENGTH }, (_, j) => (Math.floor(r / INNER) * LENGTH + j) * INNER + (r % INNER));
}

const reduce: Run = (x) => {
  const { y } = entryOf(x, REDUCTIONS);
  let r = 0;
  for (const run of runs(x)) setHalf(x, 'dst', r++, f16once(y(run.map((e) => half(x, 'src', e)))));
};

const reduceGrad: Run = (x) => {
  const { slope, extreme } = entryOf(x, REDUCTIONS);
  const reads = x.int('OP') > 1;
  let r = 0;
  for (const run of runs(x)) {
    const [dy, y] = [half(x, 'dy', r), reads ? half(x, 'y', r) : 0];
    let given = false;
    for (const e of run) {
      const value = reads ? half(x, 'x', e) : 0;
      const receives: boolean = extreme !== true || (!given && value === y);
      given = given || receives;
      setHalf(x, 'dst', e, receives ? f16once(dy * slope(value, y, run.length)) : 0);
    }
    r++;
  }
};

const softmaxWith =
  (finish: (z: number) => number): Run =>
  (x) => {
    for (const run of runs(x)) {
      const z = logs(run.map((e) => half(x, 'src', e)));
      run.forEach((e, j) => setHalf(x, 'dst', e, f16once(finish(z[j] ?? Number.NaN))));
    }
  };

const softmaxGrad: Run = (x) => {
  const log = x.operand('log') !== 0;
  for (const run of runs(x)) {
    let sum = 0;
    for (const e of run) sum = sum + half(x, 'dy', e) * (log ? 1 : half(x, 'y', e));
    for (const e of run) {
      const [y, dy] = [half(x, 'y', e), half(x, 'dy', e)];
      setHalf(x, 'dst', e, f16once(log ? dy - Math.exp(y) * sum : y * (dy - sum)));
    }
  }
};

/** Functions by number, moves by tables, and what works along runs. */
export const GENERAL: Readonly<Record<string, Run>> = {
  'v.unary': unary,
  'v.unary_grad': unaryGrad,
  'v.binary': binary,
  'v.binary_grad': binaryGrad,
  'v.sum_samples': sumSamples,
  'v.gather': gather,
  'v.scatter': scatter,
  'v.resample': resampled('LENGTH', 'src'),
  'v.resample_grad': resampled('FROM', 'dy'),
  'v.reduce': reduce,
  'v.reduce_grad': reduceGrad,
  'v.softmax': softmaxWith(Math.exp),
  'v.log_softmax': softmaxWith((z) => z),
  'v.softmax_grad': softmaxGrad,
};
