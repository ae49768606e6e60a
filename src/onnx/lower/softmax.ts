import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, NodeContext } from '../context.ts';
import type { Operators } from '../operator.ts';
import { axisOf } from './axes.ts';

/** Up to operator set 12 all dimensions from the axis on are one. */
function softmax(kind: 'softmax' | 'log_softmax'): (ctx: NodeContext) => ActivationOperand {
  return (ctx) => {
    const x = ctx.activation(0);
    const flattens = ctx.opset < 13;
    const axis = axisOf(ctx, ctx.attrs.int('axis', flattens ? 1 : -1), x.shape.length);
    const dimension = ctx.dimension(axis);
    if (!flattens || elementCount(x.shape.slice(axis + 1)) === 1) return ctx.emit(kind, [x.name], { axis: dimension });
    const flat = ctx.relabel(x, [...x.shape.slice(0, axis), elementCount(x.shape.slice(axis))], 'flat');
    return ctx.relabel(ctx.emit(kind, [flat.name], { axis: dimension }, 'soft'), x.shape);
  };
}

export const SOFTMAX_OPERATORS: Operators = {
  Softmax: { inputs: [1, 1], attributes: ['axis'], lower: softmax('softmax') },
  LogSoftmax: { inputs: [1, 1], attributes: ['axis'], lower: softmax('log_softmax') },
};
