import type { ActivationOperand, NodeContext, PendingPad } from '../context.ts';
import { stridesOf } from '../value.ts';
import { expectMovable, gather, type Offsets, steps } from './gather.ts';

/** Offsets of the dimensions of a sample of `source` in memory. */
function plainAxes(ctx: NodeContext, sample: readonly number[]): Offsets[] {
  expectMovable(ctx, sample);
  const strides = stridesOf(sample);
  return sample.map((size, i) => steps(size, strides[i] ?? 1));
}

/** The activation where it lies in memory as its shape says: a pending move becomes a layer, once. */
export function settled(ctx: NodeContext, x: ActivationOperand): ActivationOperand {
  const { pending } = x;
  if (pending === undefined) return x;
  const known = ctx.state.moved.get(x.name);
  if (known !== undefined) return known;
  const source = settled(ctx, pending.source);
  const made = pending.move === 'pad' ? padded(ctx, source, x.shape, pending) : transposed(ctx, source, x.shape, pending.perm);
  ctx.state.moved.set(x.name, made);
  return made;
}

const first = (ctx: NodeContext): 0 | 1 => (ctx.batched ? 1 : 0);

function transposed(ctx: NodeContext, x: ActivationOperand, shape: readonly number[], perm: readonly number[]): ActivationOperand {
  const axes = plainAxes(ctx, ctx.sample(x));
  const order = perm.slice(first(ctx)).map((p) => axes[p - first(ctx)] ?? []);
  return gather(ctx, x, order, shape, { part: 'transposed' });
}

function padded(ctx: NodeContext, x: ActivationOperand, shape: readonly number[], { before, after, fill }: PendingPad): ActivationOperand {
  expectMovable(ctx, shape);
  const axes = plainAxes(ctx, ctx.sample(x)).map((axis, i) => {
    const [left, right] = [before[i + first(ctx)] ?? 0, after[i + first(ctx)] ?? 0];
    return [...new Array<number>(left).fill(-1), ...axis, ...new Array<number>(right).fill(-1)];
  });
  return gather(ctx, x, axes, shape, { fill, part: 'padded' });
}
