import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { constant } from './emitter.ts';

/**
 * Loads the operands that all samples share, and the partial sums that shared results add to. `unit` waits for them; it needs
 * not where it waits for a load behind them, because the DMA works in order.
 */
export function loadShared(ctx: StepContext, unit: 'm.sync' | 'v.sync' | undefined): void {
  const { e, step } = ctx;
  e.scope(() => {
    const rows: DmaRows[] = [];
    step.inputs.forEach((access, i) => {
      if (access.mode === 'whole') rows.push(sharedRow(ctx, 'in', i));
    });
    if (rows.length === 0) return;
    emitAwaited(ctx, rows, unit);
  });
  e.when(ctx.iteration.sample, 'nonzero', () => {
    const rows: DmaRows[] = [];
    step.outputs.forEach((access, i) => {
      if (access.mode === 'whole') rows.push(sharedRow(ctx, 'out', i));
    });
    if (rows.length === 0) return;
    emitAwaited(ctx, rows, unit === undefined ? undefined : 'v.sync');
  });
}

function emitAwaited({ e }: StepContext, rows: readonly DmaRows[], unit: 'm.sync' | 'v.sync' | undefined): void {
  emitDma(e, 'd.ld', rows, unit === undefined ? {} : { signal: [TOKEN.shared] });
  if (unit !== undefined) e.op(unit, {}, { wait: [TOKEN.shared] });
}

/** Stores the results that all samples share; the vector unit makes all of them. */
export function storeShared(ctx: StepContext): void {
  const { e, step } = ctx;
  const indices = step.outputs.flatMap((access, i) => (access.mode === 'whole' ? [i] : []));
  if (indices.length === 0) return;
  e.scope(() => {
    e.op('v.sync', {}, { signal: [TOKEN.done] });
    emitDma(
      e,
      'd.st',
      indices.map((i) => sharedRow(ctx, 'out', i)),
      { wait: [TOKEN.done] },
    );
  });
}

function sharedRow(ctx: StepContext, direction: 'in' | 'out', i: number): DmaRows {
  const { e } = ctx;
  const operand = ctx.operand(direction, i);
  const dram = e.value(constant(ctx.options.address(operand.tensor)));
  return run(dram, ctx.shared(direction, i), operand.bytes);
}
