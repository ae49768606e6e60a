import { isDivided } from '../../../passes/mbs/division.ts';
import type { StepContext } from './context.ts';
import { emitDma, run } from './dma.ts';
import { constant } from './emitter.ts';

/** The operands of one direction that a step holds over the iterations of its group: inputs are loaded before the first, results stored behind the last. */
export function heldBy({ step }: Pick<StepContext, 'step'>, direction: 'in' | 'out'): number[] {
  const accesses = direction === 'in' ? step.inputs : step.outputs;
  // A gradient that was updated from is not stored.
  return accesses.flatMap(({ mode, store }, i) => (mode === 'hold' && (direction === 'in' || store) ? [i] : []));
}

/** Moves them, each as a whole. */
export function emitHeld(ctx: StepContext, direction: 'in' | 'out'): void {
  const { e, view, options } = ctx;
  for (const i of heldBy(ctx, direction)) {
    const { tensor, bytes } = ctx.operand(direction, i);
    const dram = direction === 'out' && isDivided(view.phase) ? options.ownAddress(tensor) : constant(options.address(tensor));
    e.scope(() =>
      emitDma(e, direction === 'in' ? 'd.ld' : 'd.st', [run(e.value(dram), e.value(constant(ctx.residentAddress(tensor))), bytes)]),
    );
  }
}
