import { UNARY, type UnaryOp } from '../../../ir/functions/unary.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operator, Operators } from '../operator.ts';
import { FARTHEST, mapValue, type Value } from '../value.ts';
import { pendingTranspose, transposed } from './transpose.ts';

interface Parameters {
  readonly alpha?: number;
  readonly beta?: number;
}

/** Applies a layer that works element by element: a pending transposition stays pending behind it. */
export function elementByElement(
  ctx: NodeContext,
  x: ActivationOperand,
  apply: (x: ActivationOperand, part: string) => ActivationOperand,
): ActivationOperand {
  const turned = pendingTranspose(x);
  return turned === undefined ? apply(ctx.activationOf(x), '') : transposed(apply(ctx.activationOf(turned.source), 'source'), turned.perm);
}

/** y = op(x). */
export function unaryLayer(ctx: NodeContext, x: ActivationOperand, op: UnaryOp, parameters: Parameters, part = ''): ActivationOperand {
  return ctx.emit('unary', [x.name], { op, alpha: parameters.alpha ?? 0, beta: parameters.beta ?? 0 }, part);
}

function foldUnary(ctx: NodeContext, op: UnaryOp, { alpha = 0, beta = 0 }: Parameters): Value {
  return mapValue(ctx.value(0), (v) => UNARY[op].value(v, alpha, beta));
}

const always = (_ctx: NodeContext): Parameters => ({});

/** An operator that is one function of the table, its parameters being attributes. */
function unary(op: UnaryOp, parameters = always, attributes: readonly string[] = []): Operator {
  return {
    inputs: [1, 1],
    attributes: [...attributes],
    fold: (ctx) => foldUnary(ctx, op, parameters(ctx)),
    lower: (ctx) => elementByElement(ctx, ctx.pending(0), (x, part) => unaryLayer(ctx, x, op, parameters(ctx), part)),
  };
}

/** Bounds of Clip: attributes up to operator set 10, inputs since. */
function bounds(ctx: NodeContext): { alpha: number; beta: number } {
  const bound = (name: string, index: number, otherwise: number): number => {
    const value = ctx.opset < 11 ? ctx.attrs.float(name, otherwise) : ctx.has(index) ? ctx.scalar(index) : otherwise;
    return Math.min(Math.max(value, -FARTHEST), FARTHEST);
  };
  return { alpha: bound('min', 1, -FARTHEST), beta: bound('max', 2, FARTHEST) };
}

function gelu(ctx: NodeContext): UnaryOp {
  const approximate = ctx.attrs.string('approximate', 'none');
  if (approximate === 'none') return 'gelu';
  return approximate === 'tanh' ? 'gelu_tanh' : ctx.badAttribute(`approximate is '${approximate}'`);
}

const relu = (ctx: NodeContext): ActivationOperand =>
  elementByElement(ctx, ctx.pending(0), (x, part) => ctx.emit('relu', [x.name], {}, part));

/** Rounding of constants, which shape arithmetic needs. */
const rounding = (f: (v: number) => number): Operator => ({ inputs: [1, 1], attributes: [], fold: (ctx) => mapValue(ctx.value(0), f) });

export const ELEMENTWISE_OPERATORS: Operators = {
  Relu: { inputs: [1, 1], attributes: [], fold: (ctx) => mapValue(ctx.value(0), (v) => Math.max(v, 0)), lower: relu },
  LeakyRelu: unary('leaky_relu', (ctx) => ({ alpha: ctx.attrs.float('alpha', 0.01) }), ['alpha']),
  ThresholdedRelu: unary('thresholded_relu', (ctx) => ({ alpha: ctx.attrs.float('alpha', 1) }), ['alpha']),
  Clip: { ...unary('clip', bounds, ['max', 'min']), inputs: [1, 3] },
  Sigmoid: unary('sigmoid'),
  HardSigmoid: unary('hard_sigmoid', (ctx) => ({ alpha: ctx.attrs.float('alpha', 0.2), beta: ctx.attrs.float('beta', 0.5) }), [
    'alpha',
    'beta',
  ]),
  HardSwish: unary('hard_swish'),
  Swish: unary('silu', (ctx) => ({ alpha: ctx.attrs.float('alpha', 1) }), ['alpha']),
  Mish: unary('mish'),
  Elu: unary('elu', (ctx) => ({ alpha: ctx.attrs.float('alpha', 1) }), ['alpha']),
  Celu: unary('celu', (ctx) => ({ alpha: ctx.attrs.float('alpha', 1) }), ['alpha']),
  Selu: unary(
    'selu',
    (ctx) => ({ alpha: ctx.attrs.float('alpha', 1.6732631921768188), beta: ctx.attrs.float('gamma', 1.0507010221481323) }),
    ['alpha', 'gamma'],
  ),
  Gelu: {
    inputs: [1, 1],
    attributes: ['approximate'],
    fold: (ctx) => foldUnary(ctx, gelu(ctx), {}),
    lower: (ctx) => elementByElement(ctx, ctx.pending(0), (x, part) => unaryLayer(ctx, x, gelu(ctx), {}, part)),
  },
  Erf: unary('erf'),
  Tanh: unary('tanh'),
  Softplus: unary('softplus'),
  Softsign: unary('softsign'),
  Sqrt: unary('sqrt'),
  Exp: unary('exp'),
  Log: unary('log'),
  Neg: unary('neg'),
  Abs: unary('abs'),
  Reciprocal: unary('reciprocal'),
  Floor: rounding(Math.floor),
  Ceil: rounding(Math.ceil),
  Not: rounding((v) => (v === 0 ? 1 : 0)),
};
