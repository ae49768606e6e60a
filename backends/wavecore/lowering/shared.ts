import { isDivided } from '../../../passes/mbs/division.ts';
import type { Access } from '../../../passes/mbs/schedule.ts';
import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { constant } from './emitter.ts';

/**
 * Loads the operands that all samples share, and the partial sums that shared results add to. `unit` waits for them; it needs
 * not where it waits for a load behind them, because the DMA works in order.
 */
export function loadShared(ctx: StepContext, unit: 'm.sync' | 'v.sync' | undefined): void {
  const { e, part } = ctx;
  if (!part.first || part.loaded) return;
  visitShared(ctx, (rows, direction) => {
    const waiting = unit === undefined || direction === 'in' ? unit : 'v.sync';
    const tokens = waiting === undefined ? {} : { signal: [TOKEN.shared] };
    if (!part.headed) emitDma(e, 'd.ld', rows(), tokens);
    else if (waiting !== undefined) e.op('d.ld_sync', {}, tokens);
    if (waiting !== undefined) e.op(waiting, {}, { wait: [TOKEN.shared] });
  });
}

/** The same loads in the head of a task. */
export function loadSharedFirst(ctx: StepContext): void {
  if (ctx.part.first) visitShared(ctx, (rows) => emitDma(ctx.e, 'd.ld', rows()));
}

function visitShared(ctx: StepContext, visit: (rows: () => DmaRows[], direction: 'in' | 'out') => void): void {
  const { e, step, iteration } = ctx;
  const visitWhole = (accesses: readonly Access[], direction: 'in' | 'out'): void => {
    const whole = accesses.flatMap(({ mode }, i) => (mode === 'whole' ? [i] : []));
    if (whole.length > 0) visit(() => whole.map((i) => sharedRow(ctx, direction, i)), direction);
  };
  e.scope(() => visitWhole(step.inputs, 'in'));
  e.when(iteration.offset, 'nonzero', () => visitWhole(step.outputs, 'out'));
}

/** Stores the results that all samples share; the vector unit makes all of them. */
export function storeShared(ctx: StepContext): void {
  const { e, step, part } = ctx;
  if (!part.last) return;
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
  const { address, ownAddress } = ctx.options;
  const dram = isDivided(ctx.view.phase) ? ownAddress(operand.tensor) : constant(address(operand.tensor));
  return run(e.value(dram), ctx.shared(direction, i), operand.bytes);
}
