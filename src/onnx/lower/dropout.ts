import type { NodeContext } from '../context.ts';
import type { Operators, Result } from '../operator.ts';

/** In inference it does nothing; in training it draws its own mask. */
function dropout(ctx: NodeContext): Result {
  if (!ctx.state.training) return ctx.pending(0);
  const x = ctx.activation(0);
  const ratio = ctx.opset < 12 ? ctx.attrs.float('ratio', 0.5) : ctx.has(1) ? ctx.scalar(1) : 0.5;
  if (!(ratio >= 0 && ratio < 1)) ctx.badAttribute(`ratio is ${ratio}, expected 0 ≤ ratio < 1`);
  // The position keeps the layers of one network from drawing the same elements.
  return ratio === 0 ? x : ctx.emit('dropout', [x.name], { ratio, seed: ctx.node.index });
}

export const DROPOUT_OPERATORS: Operators = {
  Dropout: { inputs: [1, 3], attributes: ['is_test', 'ratio', 'seed'], lower: dropout },
};
