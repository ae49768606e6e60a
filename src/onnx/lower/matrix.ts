import type { Attrs } from '../../../ir/graph.ts';
import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import type { Operators, Rule } from '../operator.ts';
import { float32Of, reshaped, transposed as transposedValue, type Value, valueAt } from '../value.ts';
import { arithmetic } from './arithmetic.ts';
import { unaryLayer } from './elementwise.ts';
import { pendingTranspose, transposed } from './transpose.ts';

const ONE_CONSTANT: Rule = {
  says: 'one of the two factors is a constant: the array holds a weight, not an activation',
  holds: (ctx) => ctx.isConstant(0) !== ctx.isConstant(1),
};
/** A convolution of one pixel, or of windows that do not overlap. */
const plain = (groups: number): Attrs => ({ strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], groups });

const EQUAL_BATCH: Rule = { says: 'dimensions in front of the matrices are those of the activation, or the constant has none' };

function scaled(data: Float32Array | Float64Array | number, by: number): Float32Array | number {
  if (typeof data === 'number') return data * by;
  if (by === 1 && data instanceof Float32Array) return data;
  return Float32Array.from(data, (v) => v * by);
}

/** The stationary operand as f16 in some layout; `back` is the permutation that undoes that of `value`. */
function weight(
  ctx: NodeContext,
  b: ConstantOperand,
  value: Value,
  shape: readonly number[],
  layout: string,
  alpha = 1,
  back?: readonly number[],
): string {
  const data = scaled(value.data, alpha);
  const restore = (trained: Float32Array): Float32Array => {
    const unscaled = alpha === 1 ? trained : trained.map((v) => v / alpha);
    const { data: turned } = back === undefined ? { data: unscaled } : transposedValue({ ...value, data: unscaled }, back);
    return typeof turned === 'number' ? unscaled : float32Of(turned);
  };
  return ctx.parameter(b, { dtype: 'f16', shape, trained: true, layout: `${layout}${alpha === 1 ? '' : `*${alpha}`}`, data, restore });
}

/** The matrix [C, K], or [K, C] where `isTransposed`, as the weight [K, C] of gemm. */
function gemmWeight(ctx: NodeContext, b: ConstantOperand, isTransposed: boolean, alpha: number): string {
  const turned = isTransposed ? b.value : transposedValue(b.value, [1, 0]);
  return weight(ctx, b, turned, turned.shape, isTransposed ? '' : 'transposed', alpha, isTransposed ? undefined : [1, 0]);
}

/** The addend of Gemm as one value a column; undefined where it broadcasts otherwise. */
function gemmBias(ctx: NodeContext, c: ConstantOperand, K: number, beta: number): string | undefined {
  const { value } = c;
  const columns = value.shape.at(-1) ?? 1;
  if ((columns !== K && columns !== 1) || elementCount(value.shape) !== columns) return undefined;
  const spread = columns === K ? value.data : valueAt(value, 0);
  return ctx.parameter(c, {
    dtype: 'f32',
    shape: [K],
    trained: true,
    layout: `bias*${beta}`,
    data: scaled(spread, beta),
    restore: (trained) => (beta === 1 ? trained : trained.map((v) => v / beta)),
    ...(columns === K ? {} : { restoredShape: [K] }),
  });
}

function expectMatrix(ctx: NodeContext, index: number, shape: readonly number[]): void {
  if (shape.length !== 2) ctx.badShape(`input ${index} has shape [${shape.join(', ')}], and 2 dimensions are needed`);
}

function expectReduction(ctx: NodeContext, given: number | undefined, taken: number | undefined): void {
  if (given !== taken) ctx.badShape(`the product sums over ${given} elements of one input and ${taken} of the other`);
}

/** One row of features a sample: a fully connected layer. */
function connected(
  ctx: NodeContext,
  x: ActivationOperand,
  inputs: readonly string[],
  shape: readonly number[],
  part: string,
): ActivationOperand {
  const sameRank = shape.length === x.shape.length && x.shape.length === (ctx.batched ? 2 : 1);
  const y = ctx.emit('gemm', [x.name, ...inputs], {}, sameRank ? part : `${part}product`);
  return ctx.relabel(y, shape, part);
}

/**
 * x [.., M, C] · B [.., C, K], B constant. Rows of one sample are pixels of an image: those of all channels where x lies channels-first, otherwise
 * windows of one row, whose result is channels-first.
 */
function timesConstant(ctx: NodeContext, given: ActivationOperand, b: ConstantOperand, part: string, alpha = 1): ActivationOperand {
  const vector = b.value.shape.length === 1;
  const B = vector ? reshaped(b.value, [...b.value.shape, 1]) : b.value;
  const [C = 1, K = 1] = B.shape.slice(-2);
  const stated = B.shape.slice(0, -2);
  const lead = stated.slice(
    Math.max(
      0,
      stated.findIndex((d) => d !== 1),
    ),
  );
  expectReduction(ctx, given.shape.at(-1), C);
  if (ctx.batched && given.shape.length === 1) ctx.mixesSamples('sums over dimension 0');
  const groups = elementCount(lead);
  const rows = given.shape.slice(0, -1);
  const shape = vector ? rows : [...rows, K];
  const turned = pendingTranspose(given);
  const channelsLast = [0, ...given.shape.keys()].slice(1).map((_, i, all) => (i === 0 ? 0 : i === all.length - 1 ? 1 : i + 1));
  if (turned && groups === 1 && ctx.batched && given.shape.length === 4 && !vector && turned.perm.every((p, i) => p === channelsLast[i])) {
    const source = ctx.activationOf(turned.source);
    const w = weight(ctx, b, transposedValue(reshaped(B, [C, K]), [1, 0]), [K, C, 1, 1], 'kernel', alpha, [1, 0]);
    return transposed(ctx.emit('conv', [source.name, w], plain(1), `${part}pixels`), turned.perm);
  }
  const x = ctx.activationOf(given);
  const sampleRows = ctx.batched ? rows.slice(1) : rows;
  const S = elementCount(sampleRows);
  if (S === 1 && groups === 1)
    return connected(
      ctx,
      x,
      [weight(ctx, b, transposedValue(reshaped(B, [C, K]), [1, 0]), [K, C], 'transposed', alpha, [1, 0])],
      shape,
      part,
    );
  const own = sampleRows.slice(0, -1);
  const equal = own.length === lead.length && own.every((d, i) => d === lead[i]);
  const shared = groups === 1 || own.length === 0;
  if (!equal && !shared) ctx.refuse(EQUAL_BATCH);
  if (ctx.batched && lead.length >= rows.length - 1 && groups > 1 && rows.length > 1)
    ctx.mixesSamples('multiplies each sample by a matrix of its own');
  // Every matrix of the constant as [K, C]: the filters of one group, or of all where x is the same for each.
  const turnedB = transposedValue(reshaped(B, [groups, C, K]), [0, 2, 1]);
  const [G, M] = equal && groups > 1 ? [groups, S / groups] : [1, S];
  const image = ctx.emit('reshape', [x.name], { shape: [G, M, C] }, `${part}rows`);
  const w = weight(ctx, b, turnedB, [groups * K, 1, 1, C], `kernels of ${groups}`, alpha, [0, 2, 1]);
  const y = ctx.emit('conv', [image.name, w], plain(G), `${part}columns`);
  const result = ctx.relabel(y, ctx.whole([groups, K, M]), `${part}planes`);
  const perm = ctx.batched ? [0, 1, 3, 2] : [0, 2, 1];
  const whole =
    groups > 1 && !equal
      ? [...(ctx.batched ? rows.slice(0, 1) : []), ...lead, ...(given.shape.length === 1 ? [] : [M]), ...(vector ? [] : [K])]
      : shape;
  return ctx.relabel(ctx.activationOf(transposed(result, perm)), whole, part);
}

/** A [M, C] · x [.., C, K], A constant: one-pixel filters over the columns of x. */
function constantTimes(ctx: NodeContext, a: ConstantOperand, x: ActivationOperand, part: string, alpha = 1): ActivationOperand {
  const vector = a.value.shape.length === 1;
  const [M = 1, C = 1] = vector ? [1, ...a.value.shape] : a.value.shape.slice(-2);
  if (a.value.shape.length > 2) ctx.refuse(EQUAL_BATCH);
  const sample = ctx.sample(x);
  const [rows = 1, K = 1] = sample.length === 1 ? [sample[0], 1] : sample.slice(-2);
  if (sample.length === 0 || (ctx.batched && x.shape.length === 2)) ctx.mixesSamples('sums over dimension 0');
  expectReduction(ctx, rows, C);
  const outer = elementCount(sample.slice(0, -2));
  if (outer !== 1) ctx.refuse(EQUAL_BATCH);
  const image = ctx.emit('reshape', [x.name], { shape: [C, K, 1] }, `${part}columns`);
  const y = ctx.emit('conv', [image.name, weight(ctx, a, a.value, [M, C, 1, 1], 'kernel', alpha)], plain(1), `${part}product`);
  const columns = sample.length === 1 ? [] : [K];
  return ctx.relabel(y, ctx.whole([...sample.slice(0, -2), ...(vector ? [] : [M]), ...columns]), part);
}

function matmul(ctx: NodeContext): ActivationOperand {
  if (ctx.isConstant(1)) return timesConstant(ctx, ctx.pending(0), ctx.constant(1), '');
  return constantTimes(ctx, ctx.constant(0), ctx.activation(1), '');
}

/** The addend as a layer behind the product. */
function plusAddend(ctx: NodeContext, product: ActivationOperand): ActivationOperand {
  const beta = ctx.attrs.float('beta', 1);
  const addend = ctx.operand(2);
  if (addend.kind === 'constant') {
    const value = { ...addend.value, data: scaled(addend.value.data, beta) };
    return arithmetic(ctx, { op: 'add', reversed: 'add' }, product, { ...addend, value });
  }
  const c = beta === 1 ? addend : unaryLayer(ctx, ctx.activationOf(addend), 'scale', { alpha: beta }, 'addend');
  return arithmetic(ctx, { op: 'add', reversed: 'add' }, product, c);
}

function gemm(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  const [turnsA, turnsB] = [attrs.int('transA', 0) !== 0, attrs.int('transB', 0) !== 0];
  const alpha = attrs.float('alpha', 1);
  const shapeOf = (i: number): readonly number[] => {
    const o = ctx.operand(i);
    const shape = o.kind === 'constant' ? o.value.shape : o.shape;
    expectMatrix(ctx, i, shape);
    return shape;
  };
  const [a, b] = [shapeOf(0), shapeOf(1)];
  expectReduction(ctx, a[turnsA ? 0 : 1], b[turnsB ? 1 : 0]);
  const K = b[turnsB ? 0 : 1] ?? 1;
  if (ctx.batched && turnsA) ctx.mixesSamples('transposes input 0');
  if (ctx.batched && ctx.isConstant(1)) {
    const inputs = [gemmWeight(ctx, ctx.constant(1), turnsB, alpha)];
    const addend = ctx.has(2) ? ctx.operand(2) : undefined;
    const c = addend?.kind === 'constant' ? gemmBias(ctx, addend, K, attrs.float('beta', 1)) : undefined;
    if (c !== undefined) inputs.push(c);
    const x = ctx.activation(0);
    const separate = addend !== undefined && c === undefined;
    const y = ctx.emit('gemm', [x.name, ...inputs], {}, separate ? 'product' : '');
    return separate ? plusAddend(ctx, y) : y;
  }
  const turned = (x: ActivationOperand, turns: boolean): ActivationOperand => (turns ? transposed(x, [1, 0]) : x);
  const turnedConstant = (c: ConstantOperand, turns: boolean): ConstantOperand =>
    turns ? { ...c, value: transposedValue(c.value, [1, 0]) } : c;
  const part = ctx.has(2) ? 'product' : '';
  const product = ctx.isConstant(1)
    ? timesConstant(ctx, turned(ctx.pending(0), turnsA), turnedConstant(ctx.constant(1), turnsB), part, alpha)
    : constantTimes(ctx, turnedConstant(ctx.constant(0), turnsA), ctx.activationOf(turned(ctx.pending(1), turnsB)), part, alpha);
  return ctx.has(2) ? plusAddend(ctx, product) : product;
}

export const MATRIX_OPERATORS: Operators = {
  // `broadcast` says up to operator set 6 that input 2 may be smaller, which its shape shows.
  Gemm: { inputs: [2, 3], attributes: ['alpha', 'beta', 'broadcast', 'transA', 'transB'], rules: [ONE_CONSTANT], lower: gemm },
  MatMul: { inputs: [2, 2], attributes: [], rules: [ONE_CONSTANT, EQUAL_BATCH], lower: matmul },
};
