import { BINARY, type BinaryOp } from '../../../ir/functions/binary.ts';
import { BROADCAST_DIMS, broadcastStrides, mergedWalk } from '../../../ir/layers/broadcast.ts';
import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext, Operand } from '../context.ts';
import type { Operator, Operators, Rule } from '../operator.ts';
import { FARTHEST, transposed as transposedValue, type Value, valueAt } from '../value.ts';
import { channelShift, perChannel } from './channel.ts';
import { unaryLayer } from './elementwise.ts';
import { foldBinary, foldWhere } from './fold-arithmetic.ts';
import { expandMove, moveActivation } from './move.ts';
import { inverse, pendingTranspose, transposed } from './transpose.ts';

/** How an operator of two operands is computed; `constant` says what it is with the constant on the other side. */
interface Arithmetic {
  readonly op: BinaryOp;
  readonly reversed: BinaryOp;
}

const same = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((d, i) => d === b[i]);

function broadcast(ctx: NodeContext, a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  const dim = (shape: readonly number[], i: number): number => shape[i - rank + shape.length] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [d, e] = [dim(a, i), dim(b, i)];
    if (d !== e && d !== 1 && e !== 1) ctx.badShape(`[${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return d === 1 ? e : d;
  });
}

/** Dimensions of size 1 in front, up to `rank`. */
function raised(ctx: NodeContext, x: ActivationOperand, rank: number, part: string): ActivationOperand {
  if (x.shape.length === rank) return x;
  if (ctx.batched) ctx.mixesSamples(`broadcasts [${x.shape.join(', ')}] to ${rank} dimensions`);
  return ctx.relabel(x, [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape], part);
}

/** Two activations. */
function combine(ctx: NodeContext, op: BinaryOp, a: ActivationOperand, b: ActivationOperand, part: string): ActivationOperand {
  const [left, right] = [pendingTranspose(a), pendingTranspose(b)];
  if (left && right && same(left.perm, right.perm)) {
    return transposed(combine(ctx, op, left.source, right.source, `${part}source`), left.perm);
  }
  const [x, y] = [ctx.activationOf(a), ctx.activationOf(b)];
  if (same(x.shape, y.shape) && (op === 'add' || op === 'mul')) return ctx.emit(op, [x.name, y.name], {}, part);
  const whole = broadcast(ctx, x.shape, y.shape);
  const [p, q] = [raised(ctx, x, whole.length, `${part}a`), raised(ctx, y, whole.length, `${part}b`)];
  const walk = mergedWalk(
    whole,
    [p, q].map((o) => broadcastStrides(o.shape, whole)),
  );
  const second = walk.sizes.length > BROADCAST_DIMS ? moveActivation(ctx, q, expandMove(ctx, q.shape, whole), `${part}expanded`) : q;
  return ctx.emit('binary', [p.name, second.name], { op }, part);
}

/** The constant as floating point numbers; exponents may be integers. */
function asFloat(operand: ConstantOperand): ConstantOperand {
  return operand.value.elements === 'int' ? { ...operand, value: { ...operand.value, elements: 'float' } } : operand;
}

/** The shape of a constant beside x: one dimension for each of x. Up to operator set 6, `axis` says where it lies. */
function aligned(ctx: NodeContext, { value }: ConstantOperand, x: ActivationOperand): number[] {
  const shape = [...value.shape];
  const rank = Math.max(shape.length, x.shape.length);
  if (ctx.opset < 7 && ctx.attrs.has('axis')) while (shape.length + ctx.attrs.int('axis') < rank) shape.push(1);
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

/** What a constant for all elements makes of an operation, if it is a function of one number. */
function withScalar(ctx: NodeContext, op: BinaryOp, x: ActivationOperand, c: number, part: string): ActivationOperand | undefined {
  const scale = (alpha: number, beta: number): ActivationOperand => unaryLayer(ctx, x, 'scale', { alpha, beta }, part);
  switch (op) {
    case 'add':
      return c === 0 ? x : scale(1, c);
    case 'sub':
      return c === 0 ? x : scale(1, -c);
    case 'rsub':
      return scale(-1, c);
    case 'mul':
      return c === 1 ? x : scale(c, 0);
    case 'div':
      return c === 1 ? x : scale(1 / c, 0);
    case 'max':
      return unaryLayer(ctx, x, 'clip', { alpha: c, beta: FARTHEST }, part);
    case 'min':
      return unaryLayer(ctx, x, 'clip', { alpha: -FARTHEST, beta: c }, part);
    case 'prelu':
      return unaryLayer(ctx, x, 'leaky_relu', { alpha: c }, part);
    default:
      return undefined;
  }
}

/** An activation and a constant, x being operand a of `op`. */
function withConstant(ctx: NodeContext, op: BinaryOp, given: ActivationOperand, operand: ConstantOperand, part = ''): ActivationOperand {
  const turned = pendingTranspose(given);
  const shape = aligned(ctx, operand, given);
  const constant: ConstantOperand = { ...operand, value: { ...operand.value, shape } };
  if (turned && shape.length === given.shape.length) {
    const value = transposedValue(constant.value, inverse(turned.perm));
    return transposed(withConstant(ctx, op, turned.source, { ...constant, value }, `${part}source`), turned.perm);
  }
  const x = ctx.activationOf(given);
  const { value } = constant;
  const isBias = value.shape.length === operand.value.shape.length && operand.value.shape.length > 0 && ctx.sample(x)[0] === 1;
  if (elementCount(shape) === 1 && shape.length === x.shape.length && Number.isFinite(valueAt(value, 0)) && !isBias) {
    const made = value.elements === 'float' ? withScalar(ctx, op, x, valueAt(value, 0), part) : undefined;
    if (made) return made;
  }
  const channels = ctx.batched ? perChannel(value, shape, x.shape) : undefined;
  if (channels !== undefined) {
    const affine = channelShift(ctx, op, x, operand, channels, part);
    if (affine) return affine;
  }
  const whole = broadcast(ctx, x.shape, shape);
  if (ctx.batched && (shape.length > x.shape.length || shape[0] !== 1))
    ctx.mixesSamples(`has a constant '${operand.name}' of [${operand.value.shape.join(', ')}] values`);
  const sample = ctx.batched ? shape.slice(1) : shape;
  const use = { dtype: 'f32', shape: sample, trained: op !== 'select', layout: `of [${sample.join()}]` } as const;
  const b = ctx.parameter(constant, use);
  return ctx.emit('binary', [raised(ctx, x, whole.length, `${part}raised`).name, b], { op, constant: true }, part);
}

/** Two operands of any kind, one of them an activation. */
export function arithmetic(ctx: NodeContext, { op, reversed }: Arithmetic, a: Operand, b: Operand): ActivationOperand {
  const constant = (c: ConstantOperand): ConstantOperand => (op === 'pow' ? asFloat(c) : c);
  if (a.kind === 'activation') return b.kind === 'activation' ? combine(ctx, op, a, b, '') : withConstant(ctx, op, a, constant(b));
  return b.kind === 'activation' ? withConstant(ctx, reversed, b, constant(a)) : ctx.badShape('both inputs are constants');
}

const FORMS: Readonly<Record<'add' | 'sub' | 'mul' | 'div' | 'pow' | 'max' | 'min', Arithmetic>> = {
  add: { op: 'add', reversed: 'add' },
  sub: { op: 'sub', reversed: 'rsub' },
  mul: { op: 'mul', reversed: 'mul' },
  div: { op: 'div', reversed: 'rdiv' },
  pow: { op: 'pow', reversed: 'rpow' },
  max: { op: 'max', reversed: 'max' },
  min: { op: 'min', reversed: 'min' },
};

// Both attributes steer broadcasting up to operator set 6.
const TWO = { inputs: [2, 2], attributes: ['axis', 'broadcast'] } as const;

const binary = (form: Arithmetic): Operator => ({
  ...TWO,
  fold: foldBinary(BINARY[form.op].value),
  lower: (ctx) => arithmetic(ctx, form, ctx.operand(0), ctx.operand(1)),
});

/** Operands of any number, folded from the left. */
function chain(ctx: NodeContext, form: Arithmetic, part: string): ActivationOperand {
  const operands = Array.from({ length: ctx.operandCount }, (_, i) => ctx.operand(i));
  const activations = operands.filter((o) => o.kind === 'activation');
  const constants = operands.filter((o) => o.kind === 'constant');
  const settledAll = form.op === 'add' && activations.length > 2 && activations.every((x) => same(x.shape, activations[0]?.shape ?? []));
  const steps = (settledAll ? 0 : activations.length - 1) + constants.length;
  let step = 0;
  const name = (): string => (++step === steps ? part : `${part}step${step}`);
  let [sum, ...rest] = activations;
  if (sum === undefined) return ctx.badShape('it has no inputs');
  if (settledAll) {
    const names = activations.map((x) => ctx.activationOf(x).name);
    sum = ctx.emit('add', names, {}, steps === 0 ? part : `${part}sum`);
    rest = [];
  }
  for (const x of rest) sum = combine(ctx, form.op, sum, x, name());
  for (const c of constants) sum = withConstant(ctx, form.op, sum, c, name());
  return sum;
}

function mean(ctx: NodeContext): ActivationOperand {
  if (ctx.operandCount === 1) return ctx.pending(0);
  const sum = ctx.activationOf(chain(ctx, FORMS.add, 'sum'));
  return unaryLayer(ctx, sum, 'scale', { alpha: 1 / ctx.operandCount });
}

/** Up to operator set 6, slopes are one for each channel, whatever the rank. */
function prelu(ctx: NodeContext): ActivationOperand {
  const x = ctx.pending(0);
  const slope = ctx.operand(1);
  const old = ctx.opset < 7 && slope.kind === 'constant' && slope.value.shape.length === 1;
  const b = old ? { ...slope, value: { ...slope.value, shape: [...slope.value.shape, ...x.shape.slice(2).map(() => 1)] } } : slope;
  return arithmetic(ctx, { op: 'prelu', reversed: 'prelu' }, x, b);
}

const MANY = { inputs: [1, Number.POSITIVE_INFINITY], attributes: [] } as const;

const CONDITION: Rule = { says: 'the condition is a constant', holds: (ctx) => ctx.isConstant(0) };

/** c ? x : y as (c ? x : 0) + (c ? 0 : y); a constant branch is added as it is where the condition takes it. */
function where(ctx: NodeContext): ActivationOperand {
  const condition = ctx.constant(0);
  const taken = (yes: boolean): ConstantOperand => {
    const data = Float32Array.from({ length: elementCount(condition.value.shape) }, (_, i) =>
      (valueAt(condition.value, i) !== 0) === yes ? 1 : 0,
    );
    return {
      kind: 'constant',
      name: `${condition.name}:${yes ? 'taken' : 'left'}`,
      value: { elements: 'float', shape: condition.value.shape, data },
    };
  };
  const branch = (index: number, yes: boolean): ActivationOperand | Value => {
    const operand = ctx.operand(index);
    if (operand.kind === 'activation') return withConstant(ctx, 'select', operand, taken(yes), yes ? 'taken' : 'left');
    return foldBinary(BINARY.select.value)(ctx, operand.value, taken(yes).value);
  };
  const [x, y] = [branch(1, true), branch(2, false)];
  if ('kind' in x && 'kind' in y) return combine(ctx, 'add', x, y, '');
  const constant = (value: Value, index: number): ConstantOperand => ({
    kind: 'constant',
    name: `${ctx.constant(index).name}:masked`,
    value,
  });
  if ('kind' in x) return 'kind' in y ? x : withConstant(ctx, 'add', x, constant(y, 2));
  return 'kind' in y ? withConstant(ctx, 'add', y, constant(x, 1)) : ctx.badShape('both branches are constants');
}

export const ARITHMETIC_OPERATORS: Operators = {
  Add: binary(FORMS.add),
  Sub: binary(FORMS.sub),
  Mul: binary(FORMS.mul),
  Div: binary(FORMS.div),
  Pow: binary(FORMS.pow),
  PRelu: { inputs: [2, 2], attributes: [], lower: prelu },
  Sum: {
    ...MANY,
    fold: foldBinary(BINARY.add.value),
    lower: (ctx) => (ctx.operandCount === 1 ? ctx.pending(0) : chain(ctx, FORMS.add, '')),
  },
  Mean: { ...MANY, lower: mean },
  Max: { ...MANY, fold: foldBinary(BINARY.max.value), lower: (ctx) => chain(ctx, FORMS.max, '') },
  Min: { ...MANY, fold: foldBinary(BINARY.min.value), lower: (ctx) => chain(ctx, FORMS.min, '') },
  Where: { inputs: [3, 3], attributes: [], rules: [CONDITION], fold: foldWhere, lower: where },
};
