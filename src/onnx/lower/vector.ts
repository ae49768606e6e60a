import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { valueAt } from '../value.ts';
import { axisOf } from './axes.ts';

function batchNormalization(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  if (attrs.int('spatial', 1) === 0) ctx.unsupported('spatial = 0 normalizes each element apart');
  const x = ctx.activation(0);
  const parameters = [1, 2, 3, 4].map((i) => {
    const operand = ctx.constant(i);
    // Running statistics (3, 4) are replaced, not learned.
    // Those that several nodes share become those of each: training updates them.
    const layout = ctx.state.training && i >= 3 ? ctx.node.label : '';
    return ctx.parameter(operand, { dtype: 'f32', shape: operand.value.shape, trained: i < 3, layout });
  });
  return ctx.emit('batch_norm', [x.name, ...parameters], { epsilon: attrs.float('epsilon', 1e-5), momentum: attrs.float('momentum', 0.9) });
}

function lrn(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  return ctx.emit('lrn', [ctx.activation(0).name], {
    size: attrs.int('size'),
    alpha: attrs.float('alpha', 1e-4),
    beta: attrs.float('beta', 0.75),
    bias: attrs.float('bias', 1),
  });
}

function dropout(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  if (!ctx.state.training) return x;
  const asInput = ctx.opset >= 12;
  const ratio = asInput ? (ctx.has(1) ? ctx.scalar(1) : 0.5) : ctx.attrs.float('ratio', 0.5);
  if (!(ratio >= 0 && ratio < 1)) ctx.badAttribute(`ratio is ${ratio}, expected 0 ≤ ratio < 1`);
  // The position keeps the layers of one network from drawing the same elements.
  return ratio === 0 ? x : ctx.emit('dropout', [x.name], { ratio, seed: ctx.node.index });
}

/** Softmax over all elements of a sample, which is what the axis must amount to. */
function softmax(kind: string): (ctx: NodeContext) => ActivationOperand {
  return (ctx) => {
    const x = ctx.activation(0);
    const flattens = ctx.opset < 13;
    const axis = axisOf(ctx, ctx.attrs.int('axis', flattens ? 1 : -1), x.shape.length);
    const outside = x.shape.filter((_, d) => d > 0 && (flattens ? d < axis : d !== axis));
    if (axis === 0 || outside.some((d) => d !== 1))
      ctx.unsupported(`axis ${axis} of shape [${x.shape.join(', ')}] is not the whole sample`);
    return ctx.emit(kind, [x.name], { axis: 1 });
  };
}

/** A constant that has one value for each channel, or one for all; undefined where it broadcasts otherwise. */
function perChannel(ctx: NodeContext, c: ConstantOperand, x: ActivationOperand): Float32Array | number | undefined {
  const rank = x.shape.length;
  const shape = [...c.value.shape];
  // Up to operator set 6, `axis` says which dimension of x the first one of the constant meets.
  if (ctx.opset < 7 && ctx.attrs.has('axis')) while (shape.length + ctx.attrs.int('axis') < rank) shape.push(1);
  if (shape.length > rank) return undefined;
  const aligned = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  if (aligned.some((d, i) => d !== 1 && (i !== 1 || d !== x.shape[1]))) return undefined;
  const { data } = c.value;
  if (typeof data === 'number') return data;
  return data.length === 1 ? valueAt(c.value, 0) : Float32Array.from(data);
}

interface PerChannel {
  readonly operand: ConstantOperand;
  readonly values: Float32Array | number;
}

function channelOperand(ctx: NodeContext, x: ActivationOperand, index: number): PerChannel {
  const operand = ctx.constant(index);
  const values = perChannel(ctx, operand, x);
  if (values === undefined) {
    ctx.unsupported(
      `constant '${operand.name}' of shape [${operand.value.shape.join(', ')}] is not one value for each channel of [${x.shape.join(', ')}]`,
    );
  }
  return { operand, values };
}

const mapped = (values: Float32Array | number, f: (v: number) => number): Float32Array | number =>
  typeof values === 'number' ? f(values) : values.map(f);

interface Affine {
  /** The constant that scales, and what becomes of its values. */
  readonly scale?: (v: number) => number;
  readonly shift?: (v: number) => number;
  /** Scale where the constant shifts. */
  readonly sign?: number;
}

function affine(ctx: NodeContext, x: ActivationOperand, { operand, values }: PerChannel, form: Affine): ActivationOperand {
  const shape = [x.shape[1] ?? 1];
  const { scale: scaleBy, shift: shiftBy, sign = 1 } = form;
  const use = (layout: string, f: (v: number) => number, trained: boolean): string =>
    ctx.parameter(operand, {
      dtype: 'f32',
      shape,
      trained,
      layout,
      data: mapped(values, f),
      // Each of the functions is its own inverse.
      restore: (now) => now.map(f),
      ...(elementCount(operand.value.shape) === shape[0] ? {} : { restoredShape: [shape[0] ?? 1, ...x.shape.slice(2).map(() => 1)] }),
    });
  const scale = scaleBy ? use(`scale of ${ctx.node.opType}`, scaleBy, false) : ctx.fill('scale', shape, sign);
  // A shift may become the bias of the layer before, which is trained.
  const shift = shiftBy ? use(`shift of ${ctx.node.opType}`, shiftBy, true) : ctx.fill('shift', shape, 0);
  return ctx.emit('affine', [x.name, scale, shift]);
}

/** The activation and the index of the constant of an operator with two inputs, if it has one of each. */
function splitOperands(ctx: NodeContext): { x: ActivationOperand; constant: number | undefined } {
  const [a, b] = [ctx.operand(0), ctx.operand(1)];
  if (a.kind === 'activation') return { x: a, constant: b.kind === 'constant' ? 1 : undefined };
  return { x: ctx.activation(1), constant: 0 };
}

const keep = (v: number): number => v;

function elementwise(ctx: NodeContext, kind: string | undefined): ActivationOperand {
  const operands = Array.from({ length: ctx.operandCount }, (_, i) => ctx.activation(i));
  const [first] = operands;
  if (kind === undefined) ctx.unsupported('neither input is a constant');
  for (const other of operands) {
    if (first && (other.shape.length !== first.shape.length || other.shape.some((d, i) => d !== first.shape[i]))) {
      ctx.unsupported(`activations of shapes [${first.shape.join(', ')}] and [${other.shape.join(', ')}] broadcast`);
    }
  }
  return ctx.emit(
    kind,
    operands.map((o) => o.name),
  );
}

function arithmetic(
  kind: string | undefined,
  form: (constantIndex: number) => Affine | undefined,
): (ctx: NodeContext) => ActivationOperand {
  return (ctx) => {
    const { x, constant } = splitOperands(ctx);
    if (constant === undefined) return elementwise(ctx, kind);
    const as = form(constant) ?? ctx.unsupported('the divisor is not a constant');
    const operand = channelOperand(ctx, x, constant);
    // Nothing to do; and a scale of 1 is how a bias shows (tidy.ts).
    return as.scale && operand.values === 1 ? x : affine(ctx, x, operand, as);
  };
}

function sum(ctx: NodeContext): ActivationOperand {
  return ctx.operandCount === 1 ? ctx.activation(0) : elementwise(ctx, 'add');
}

/** Lowering of the arithmetic operators; `fold.ts` holds their other half. */
export const ARITHMETIC_LOWERINGS = {
  Add: arithmetic('add', () => ({ shift: keep })),
  Sub: arithmetic(undefined, (index) => (index === 1 ? { shift: (v) => -v } : { shift: keep, sign: -1 })),
  Mul: arithmetic('mul', () => ({ scale: keep })),
  Div: arithmetic(undefined, (index) => (index === 1 ? { scale: (v) => 1 / v } : undefined)),
};

const BATCH_NORM_ATTRIBUTES = ['epsilon', 'is_test', 'momentum', 'spatial', 'training_mode'];

export const VECTOR_OPERATORS: Operators = {
  BatchNormalization: { inputs: [5, 5], attributes: BATCH_NORM_ATTRIBUTES, lower: batchNormalization },
  LRN: { inputs: [1, 1], attributes: ['alpha', 'beta', 'bias', 'size'], lower: lrn },
  Relu: { inputs: [1, 1], attributes: [], lower: (ctx) => ctx.emit('relu', [ctx.activation(0).name]) },
  Dropout: { inputs: [1, 3], attributes: ['is_test', 'ratio', 'seed'], lower: dropout },
  Softmax: { inputs: [1, 1], attributes: ['axis'], lower: softmax('softmax') },
  LogSoftmax: { inputs: [1, 1], attributes: ['axis'], lower: softmax('log_softmax') },
  Sum: { inputs: [1, Number.POSITIVE_INFINITY], attributes: [], lower: sum },
};
