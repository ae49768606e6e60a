import { BINARY, BINARY_OPS, type BinaryOp } from '../functions/binary.ts';
import type { Attrs } from '../graph.ts';
import { elementCount, type TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr, choiceAttr } from './attrs.ts';
import { BROADCAST_DIMS, broadcastShape, broadcastStrides, forEachStep, mergedWalk, type Walk } from './broadcast.ts';
import { type GradientContext, type KindRecord, type OperandSpec, type Rows, ShapeError, type Values } from './record.ts';
import { at, expectShape, f16, nth } from './types.ts';

const ATTRS = {
  op: { type: 'string', doc: BINARY_OPS.map((op) => `${op}: ${BINARY[op].formula}`).join('; ') },
  constant: { type: 'bool', default: false, doc: 'b is one tensor of the shape of a sample, the same for all samples' },
} as const satisfies AttrSpecs;

const OPERANDS: readonly OperandSpec[] = [
  { name: 'a', dtypes: ['f16'] },
  { name: 'b', dtypes: ['f16', 'f32'], sharedIf: 'constant' },
];

export const binaryOp = (attrs: Attrs): BinaryOp => choiceAttr(ATTRS, attrs, 'op', BINARY_OPS);

/** Shapes of a sample of a and b, and of what they broadcast to. */
export function binaryShapes(inputs: readonly TensorType[], attrs: Attrs): { a: number[]; b: number[]; whole: number[] } {
  const [typeA, typeB] = [nth(inputs, 0), nth(inputs, 1)];
  const constant = boolAttr(ATTRS, attrs, 'constant');
  if (!constant && typeB.dtype !== 'f16') throw new ShapeError('only a constant b may be f32');
  const [a, b] = [typeA.shape.slice(1), constant ? [...typeB.shape] : typeB.shape.slice(1)];
  return { a, b, whole: broadcastShape(a, b) };
}

function expectWalk(whole: readonly number[], ...shapes: readonly (readonly number[])[]): void {
  const { sizes } = mergedWalk(
    whole,
    shapes.map((s) => broadcastStrides(s, whole)),
  );
  if (sizes.length > BROADCAST_DIMS)
    throw new ShapeError(`broadcasting alternates over ${sizes.length} dimensions, at most ${BROADCAST_DIMS} are possible`);
}

/** Rows of an operand that the rows `out` of the result need: all of its only one where it broadcasts along the rows. */
function broadcastRows(index: number, out: Rows, inputs: readonly TensorType[]): Rows {
  return nth(inputs, index).shape[2] === 1 ? [0, out[1] > out[0] ? 1 : 0] : out;
}

/** Applies `f` to every pair that broadcasting brings together, sample by sample. */
function combine(
  inputs: readonly Values[],
  types: readonly TensorType[],
  attrs: Attrs,
  f: (a: number, b: number, i: number) => number,
): Values {
  const { a, b, whole } = binaryShapes(types, attrs);
  const constant = boolAttr(ATTRS, attrs, 'constant');
  const walk: Walk = { sizes: whole, strides: [broadcastStrides(a, whole), broadcastStrides(b, whole)] };
  const [N, count] = [nth(nth(types, 0).shape, 0), elementCount(whole)];
  const y = new Float64Array(N * count);
  for (let n = 0; n < N; n++) {
    const [fromA, fromB] = [n * elementCount(a), constant ? 0 : n * elementCount(b)];
    forEachStep(walk, (i, [j = 0, k = 0]) => {
      y[n * count + i] = f(at(nth(inputs, 0), fromA + j), at(nth(inputs, 1), fromB + k), n * count + i);
    });
  }
  return y;
}

export const binary: KindRecord = {
  kind: 'binary',
  doc: 'y = op(a, b) with broadcasting of samples (dimensions of size 1 repeat), in f64 and rounded once.',
  inputs: OPERANDS,
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    binaryOp(attrs);
    const { a, b, whole } = binaryShapes(inputs, attrs);
    expectWalk(whole, a, b);
    return [f16([nth(nth(inputs, 0).shape, 0), ...whole])];
  },
  gradient: (ctx, dy) => [side(ctx, dy, 'a'), side(ctx, dy, 'b')],
  stripes: 'rows',
  inputRows: (index, out, inputs) => broadcastRows(index, out, inputs),
  reference: (inputs, types, attrs) => [combine(inputs, types, attrs, BINARY[binaryOp(attrs)].value)],
};

/** The gradient of one operand: that of every pair, summed over the dimensions along which the operand repeats. */
function side(ctx: GradientContext, dy: string, of: 'a' | 'b'): string | undefined {
  const index = of === 'a' ? 0 : 1;
  if (!ctx.wants(index)) return undefined;
  const [a = '', b = ''] = ctx.inputs;
  const pairs = ctx.emit('binary_grad', of, [a, b, dy], { ...ctx.attrs, of })[0] ?? '';
  if (index === 1 && boolAttr(ATTRS, ctx.attrs, 'constant'))
    return ctx.emit('sum_samples', `${of}.sum`, [pairs], { shape: ctx.typeOf(b).shape }, ['weightGradient'])[0];
  const shape = ctx.typeOf(nth(ctx.inputs, index)).shape;
  let gradient = pairs;
  // Runs of adjacent dimensions that broadcast are summed one after the other, the last first.
  for (let end = shape.length; end > 1; ) {
    const from = firstOfRun(shape, ctx.typeOf(pairs).shape, end);
    if (from < end) gradient = ctx.emit('reduce', `${of}.sum`, [gradient], { op: 'sum', axis: from, count: end - from })[0] ?? '';
    end = from < end ? from : end - 1;
  }
  return gradient;
}

/** The first of the dimensions ending at `end` along which `shape` broadcasts to `whole`; `end` where the last one does not. */
function firstOfRun(shape: readonly number[], whole: readonly number[], end: number): number {
  let from = end;
  while (from > 1 && shape[from - 1] === 1 && whole[from - 1] !== 1) from--;
  return from;
}

const GRAD_ATTRS = { ...ATTRS, of: { type: 'string', doc: 'the operand whose gradient it is: a or b' } } as const satisfies AttrSpecs;

export const gradientSide = (attrs: Attrs): 'a' | 'b' => choiceAttr(GRAD_ATTRS, attrs, 'of', ['a', 'b']);

export const binaryGrad: KindRecord = {
  kind: 'binary_grad',
  doc: 'g = dy·∂op/∂a (of = b: ∂op/∂b) for every pair that broadcasting brings together, in f64 and rounded once.',
  inputs: [...OPERANDS, { name: 'dy', dtypes: ['f16'] }],
  outputs: [{ name: 'g', dtypes: ['f16'] }],
  attrs: GRAD_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs, attrs) => {
    binaryOp(attrs);
    gradientSide(attrs);
    const { a, b, whole } = binaryShapes(inputs, attrs);
    expectWalk(whole, a, b);
    expectShape('gradient dy', nth(inputs, 2), [nth(nth(inputs, 0).shape, 0), ...whole]);
    return [f16(nth(inputs, 2).shape)];
  },
  passes: 2,
  inPlace: [2],
  stripes: 'rows',
  inputRows: (index, out, inputs) => broadcastRows(index, out, inputs),
  reference: (inputs, types, attrs) => {
    const { byA, byB } = BINARY[binaryOp(attrs)];
    const derivative = gradientSide(attrs) === 'a' ? byA : byB;
    const dy = nth(inputs, 2);
    return [combine(inputs, types, attrs, (a, b, i) => at(dy, i) * derivative(a, b))];
  },
};
