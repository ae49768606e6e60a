import type { ActivationOperand, NodeContext, PendingTranspose } from '../context.ts';
import type { Operators } from '../operator.ts';
import { transposed as transposedValue } from '../value.ts';

/** A view of `source` in another order; what cancels out is the source itself. */
export function transposed(source: ActivationOperand, perm: readonly number[]): ActivationOperand {
  const { pending } = source;
  if (pending?.move === 'transpose') {
    return transposed(
      pending.source,
      perm.map((p) => pending.perm[p] ?? 0),
    );
  }
  if (perm.every((p, i) => p === i)) return source;
  return {
    kind: 'activation',
    name: `${source.name}:${perm.join('')}`,
    shape: perm.map((p) => source.shape[p] ?? 1),
    pending: { move: 'transpose', source, perm },
  };
}

/** The pending transposition of an activation, if that is what is pending. */
export function pendingTranspose(x: ActivationOperand): PendingTranspose | undefined {
  return x.pending?.move === 'transpose' ? x.pending : undefined;
}

/** Permutation that undoes `perm`. */
export function inverse(perm: readonly number[]): number[] {
  return perm.map((_, i) => perm.indexOf(i));
}

function permutation(ctx: NodeContext, rank: number): readonly number[] {
  const perm = ctx.attrs.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (perm.toSorted((a, b) => a - b).some((p, i) => p !== i) || perm.length !== rank)
    ctx.badAttribute(`perm [${perm.join(', ')}] does not permute ${rank} dimensions`);
  return perm;
}

function transpose(ctx: NodeContext): ActivationOperand {
  const x = ctx.pending(0);
  const perm = permutation(ctx, x.shape.length);
  if (ctx.batched && perm[0] !== 0) ctx.mixesSamples(`moves dimension 0 (perm [${perm.join(', ')}])`);
  return transposed(x, perm);
}

export const TRANSPOSE_OPERATORS: Operators = {
  Transpose: {
    inputs: [1, 1],
    attributes: ['perm'],
    fold: (ctx) => transposedValue(ctx.value(0), permutation(ctx, ctx.value(0).shape.length)),
    lower: transpose,
  },
};
