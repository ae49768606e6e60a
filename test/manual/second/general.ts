import { BINARY, BINARY_OPS } from '../../../ir/functions/binary.ts';
import { REDUCE_OPS, REDUCTIONS } from '../../../ir/functions/reduction.ts';
import { UNARY, UNARY_OPS } from '../../../ir/functions/unary.ts';
import { f16, f16once, f32 } from './memory.ts';
import { bits, type Context, counted, half, type Run, setBits, setHalf, setSingle, single } from './vector.ts';

// The tables of functions are those of the instruction set; how instructions walk their operands is written anew.

const unaryOf = (x: Context) => UNARY[UNARY_OPS[x.int('OP')] ?? 'neg'];
const binaryOf = (x: Context) => BINARY[BINARY_OPS[x.int('OP')] ?? 'add'];
const reductionOf = (x: Context) => REDUCTIONS[REDUCE_OPS[x.int('OP')] ?? 'sum'];

const unary: Run = (x) => {
  const [alpha, beta] = [x.float('ALPHA'), x.float('BETA')];
  for (const [i = 0] of counted(x.int('N') * x.int('COUNT')))
    setHalf(x, 'dst', i, f16once(unaryOf(x).value(half(x, 'src', i), alpha, beta)));
};

const unaryGrad: Run = (x) => {
  const [alpha, beta] = [x.float('ALPHA'), x.float('BETA')];
  for (const [i = 0] of counted(x.int('N') * x.int('COUNT')))
    setHalf(x, 'dst', i, f16once(half(x, 'dy', i) * unaryOf(x).derivative(half(x, 'x', i), alpha, beta)));
};

/** Positions of the walk of every sample: number, and the elements of a and b. */
function* walk(x: Context): Generator<{ i: number; a: number; b: number; sum: number }> {
  let i = 0;
  for (const [n = 0, ...d] of counted(x.int('N'), x.int('D0'), x.int('D1'), x.int('D2'), x.int('D3'))) {
    const along = (letter: string): number => d.reduce((sum, index, k) => sum + index * x.int(`${letter}${k}`), 0);
    yield { i: i++, a: n * x.int('ANS') + along('A'), b: n * x.int('BNS') + along('B'), sum: along('B') };
  }
}

const elementOfB = (x: Context, i: number): number => (x.int('BBYTES') === 4 ? single(x, 'b', i) : half(x, 'b', i));

const binary: Run = (x) => {
  for (const { i, a, b } of walk(x)) setHalf(x, 'dst', i, f16once(binaryOf(x).value(half(x, 'a', a), elementOfB(x, b))));
};

const binaryGrad: Run = (x) => {
  const { byA, byB } = binaryOf(x);
  for (const { i, a, b } of walk(x))
    setHalf(x, 'dst', i, f16once(half(x, 'dy', i) * (x.int('SIDE') !== 0 ? byB : byA)(half(x, 'a', a), elementOfB(x, b))));
};

const sumSamples: Run = (x) => {
  const last = [0, 1, 2, 3].reduce((sum, k) => sum + (x.int(`D${k}`) - 1) * x.int(`B${k}`), 0);
  if (x.operand('add') === 0) for (const [j = 0] of counted(last + 1)) setSingle(x, 'dst', j, 0);
  for (const { i, sum } of walk(x)) setSingle(x, 'dst', sum, f32(single(x, 'dst', sum) + half(x, 'src', i)));
};

/** Places of the walk of a sample in order; −1: none. */
function places(x: Context): number[] {
  const sizes = [0, 1, 2, 3, 4].map((k) => x.int(`D${k}`));
  return [...counted(...sizes)].map((index) => {
    const offsets = index.map((i, k) => x.memory.word(x.operand('table') + 4 * (i + sizes.slice(0, k).reduce((a, b) => a + b, 0))));
    return offsets.some((o) => o < 0) ? -1 : offsets.reduce((a, b) => a + b, 0);
  });
}

const gather: Run = (x) => {
  const [run, span] = [x.int('RUN'), x.int('SPAN')];
  let at = 0;
  for (const [n = 0] of counted(x.int('N'))) {
    for (const place of places(x)) {
      for (let j = 0; j < run; j++, at++) {
        if (place < 0) setHalf(x, 'dst', at, f16(x.float('FILL')));
        else setBits(x, 'dst', at, bits(x, 'src', n * span + place + j));
      }
    }
  }
};

const scatter: Run = (x) => {
  const [run, span] = [x.int('RUN'), x.int('SPAN')];
  let at = 0;
  for (const [n = 0] of counted(x.int('N'))) {
    const sums = new Array<number>(span).fill(0);
    for (const place of places(x)) {
      for (let j = 0; j < run; j++, at++) if (place >= 0) sums[place + j] = f32((sums[place + j] ?? 0) + half(x, 'src', at));
    }
    sums.forEach((sum, j) => setHalf(x, 'dst', n * span + j, f16(sum)));
  }
};

/** Element (block, j, i) of a tensor of runs of `length`. */
const runElement = (x: Context, block: number, length: number, j: number, i: number): number => (block * length + j) * x.int('INNER') + i;

/** Taps of position j: index and weight, those without an index left out. */
function taps(x: Context, j: number): { e: number; weight: number }[] {
  return [...counted(x.int('TAPS'))].flatMap(([t = 0]) => {
    const at = j * x.int('TAPS') + t;
    const e = x.memory.word(x.operand('index') + 4 * at);
    return e < 0 ? [] : [{ e, weight: single(x, 'weight', at) }];
  });
}

const resample: Run = (x) => {
  const [L, F] = [x.int('LENGTH'), x.int('FROM')];
  for (const [block = 0, j = 0, i = 0] of counted(x.int('N') * x.int('OUTER'), L, x.int('INNER'))) {
    const total = taps(x, j).reduce((sum, { e, weight }) => sum + weight * half(x, 'src', runElement(x, block, F, e, i)), 0);
    setHalf(x, 'dst', runElement(x, block, L, j, i), f16once(total));
  }
};

const resampleGrad: Run = (x) => {
  const [L, F] = [x.int('LENGTH'), x.int('FROM')];
  for (const [block = 0, i = 0] of counted(x.int('N') * x.int('OUTER'), x.int('INNER'))) {
    const totals = new Array<number>(F).fill(0);
    for (const [j = 0] of counted(L))
      for (const { e, weight } of taps(x, j)) totals[e] = (totals[e] ?? 0) + weight * half(x, 'dy', runElement(x, block, L, j, i));
    totals.forEach((total, e) => setHalf(x, 'dst', runElement(x, block, F, e, i), f16once(total)));
  }
};

/** Every run: its number, and its elements. */
function* runs(x: Context): Generator<{ run: number; elements: number[] }> {
  const [L, I] = [x.int('LENGTH'), x.int('INNER')];
  for (const [block = 0, i = 0] of counted(x.int('N') * x.int('OUTER'), I))
    yield { run: block * I + i, elements: [...counted(L)].map(([l = 0]) => runElement(x, block, L, l, i)) };
}

const reduce: Run = (x) => {
  const { start, add, finish } = reductionOf(x);
  for (const { run, elements } of runs(x)) {
    const total = elements.reduce((sum, e) => add(sum, half(x, 'src', e)), start as number);
    setHalf(x, 'dst', run, f16once(finish(total, elements.length)));
  }
};

const reduceGrad: Run = (x) => {
  const { derivative, extreme } = reductionOf(x);
  const value = (name: string, i: number): number => (x.operand('withValues') === 0 ? 0 : half(x, name, i));
  for (const { run, elements } of runs(x)) {
    const [y, dy] = [value('y', run), half(x, 'dy', run)];
    const values = elements.map((e) => value('x', e));
    const first = values.indexOf(y);
    elements.forEach((e, l) => {
      const passes = extreme !== true || l === first;
      setHalf(x, 'dst', e, passes ? f16once(dy * derivative(values[l] ?? 0, y, elements.length)) : 0);
    });
  }
};

const softmaxGrad: Run = (x) => {
  const log = x.operand('log') !== 0;
  for (const { elements } of runs(x)) {
    const pairs = elements.map((e) => [half(x, 'y', e), half(x, 'dy', e)] as const);
    const s = pairs.reduce((sum, [y, dy]) => sum + dy * (log ? 1 : y), 0);
    pairs.forEach(([y, dy], l) => setHalf(x, 'dst', elements[l] ?? 0, f16once(log ? dy - Math.exp(y) * s : y * (dy - s))));
  }
};

export const GENERAL: Readonly<Record<string, Run>> = {
  'v.unary': unary,
  'v.unary_grad': unaryGrad,
  'v.binary': binary,
  'v.binary_grad': binaryGrad,
  'v.sum_samples': sumSamples,
  'v.gather': gather,
  'v.scatter': scatter,
  'v.resample': resample,
  'v.resample_grad': resampleGrad,
  'v.reduce': reduce,
  'v.reduce_grad': reduceGrad,
  'v.softmax_grad': softmaxGrad,
};
