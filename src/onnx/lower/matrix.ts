import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { float32Of, transposed, valueAt } from '../value.ts';
import { imageOf, WINDOW_ATTRIBUTES, windowOf } from './window.ts';

function conv(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  const weight = ctx.constant(1);
  const image = imageOf(ctx, x.shape);
  const { shape } = weight.value;
  const kernel = shape.slice(2);
  if (shape.length !== 4) ctx.badShape(`weight '${weight.name}' has shape [${shape.join(', ')}], and 4 dimensions are needed`);
  const stated = ctx.attrs.ints('kernel_shape') ?? kernel;
  if (stated.length !== 2 || stated.some((d, i) => d !== kernel[i])) {
    ctx.badShape(`kernel_shape is [${stated.join(', ')}], weight '${weight.name}' has [${kernel.join(', ')}]`);
  }
  const { strides, pads, dilations } = windowOf(ctx, image, kernel);
  const inputs = [x.name, ctx.parameter(weight, { dtype: 'f16', shape, trained: true })];
  if (ctx.has(2)) {
    const bias = ctx.constant(2);
    inputs.push(ctx.parameter(bias, { dtype: 'f32', shape: bias.value.shape, trained: true }));
  }
  return ctx.emit('conv', inputs, { strides, pads, dilations, groups: ctx.attrs.int('group', 1) });
}

/** The stationary operand [C, K], or [K, C] where `isTransposed`, as the weight [K, C] of gemm. */
function gemmWeight(ctx: NodeContext, b: ConstantOperand, isTransposed: boolean, alpha: number): string {
  const { value } = b;
  if (value.shape.length !== 2) ctx.badShape(`input 1 ('${b.name}') has shape [${value.shape.join(', ')}], and 2 dimensions are needed`);
  const turned = isTransposed ? value : transposed(value, [1, 0]);
  const layout = `${isTransposed ? '' : 'transposed'}${alpha === 1 ? '' : `*${alpha}`}`;
  const data = scaled(turned.data, alpha);
  const restore = (trained: Float32Array): Float32Array => {
    const unscaled = alpha === 1 ? trained : trained.map((v) => v / alpha);
    const { data: back } = isTransposed ? { data: unscaled } : transposed({ ...value, shape: turned.shape, data: unscaled }, [1, 0]);
    return typeof back === 'number' ? unscaled : float32Of(back);
  };
  return ctx.parameter(b, { dtype: 'f16', shape: turned.shape, trained: true, layout, data, restore });
}

function scaled(data: Float32Array | Float64Array | number, by: number): Float32Array | number {
  if (typeof data === 'number') return data * by;
  if (by === 1 && data instanceof Float32Array) return data;
  return Float32Array.from(data, (v) => v * by);
}

/** The addend of Gemm, broadcast to [K]. */
function gemmBias(ctx: NodeContext, c: ConstantOperand, K: number, beta: number): string {
  const { value } = c;
  const columns = value.shape.at(-1) ?? 1;
  const broadcasts = (columns === K || columns === 1) && elementCount(value.shape) === columns;
  if (!broadcasts) ctx.unsupported(`input 2 ('${c.name}') has shape [${value.shape.join(', ')}], and only one value a column (${K}) is`);
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

function matrixInput(ctx: NodeContext): ActivationOperand {
  const x = ctx.activation(0);
  return x.shape.length === 2 ? x : ctx.unsupported(`input 0 has shape [${x.shape.join(', ')}], and only [N, C] is`);
}

function expectReduction(ctx: NodeContext, x: ActivationOperand, C: number | undefined): void {
  if (x.shape[1] !== C) ctx.badShape(`a sample of input 0 has ${x.shape[1]} elements, input 1 ('${ctx.constant(1).name}') takes ${C}`);
}

function gemm(ctx: NodeContext): ActivationOperand {
  const { attrs } = ctx;
  if (attrs.int('transA', 0) !== 0) ctx.unsupported('transA = 1 mixes samples');
  const isTransposed = attrs.int('transB', 0) !== 0;
  const x = matrixInput(ctx);
  const b = ctx.constant(1);
  const [rows, columns] = b.value.shape;
  expectReduction(ctx, x, isTransposed ? columns : rows);
  const K = (isTransposed ? rows : columns) ?? 1;
  const inputs = [x.name, gemmWeight(ctx, b, isTransposed, attrs.float('alpha', 1))];
  if (ctx.has(2)) inputs.push(gemmBias(ctx, ctx.constant(2), K, attrs.float('beta', 1)));
  return ctx.emit('gemm', inputs);
}

function matmul(ctx: NodeContext): ActivationOperand {
  const x = matrixInput(ctx);
  const b = ctx.constant(1);
  if (b.value.shape.length !== 2) ctx.unsupported(`input 1 ('${b.name}') has shape [${b.value.shape.join(', ')}], and only [C, K] is`);
  expectReduction(ctx, x, b.value.shape[0]);
  return ctx.emit('gemm', [x.name, gemmWeight(ctx, b, false, 1)]);
}

export const MATRIX_OPERATORS: Operators = {
  Conv: { inputs: [2, 3], attributes: [...WINDOW_ATTRIBUTES, 'group'], lower: conv },
  // `broadcast` says up to operator set 6 that input 2 may be smaller, which its shape shows.
  Gemm: { inputs: [2, 3], attributes: ['alpha', 'beta', 'broadcast', 'transA', 'transB'], lower: gemm },
  MatMul: { inputs: [2, 2], attributes: [], lower: matmul },
};
