import { diag, fail } from '../../../ir/diagnostics.ts';
import { type ChunkPlan, closeCredits, emitChunks, loadFirstChunk, openCredits, reuses, wholeRows } from './chunks.ts';
import type { StepContext } from './context.ts';
import { loadShared, loadSharedFirst, storeShared } from './shared.ts';
import { VECTOR_KINDS } from './vector-kinds.ts';

/** Emits a vector layer: shared operands, then chunk by chunk load, compute, store. */
export function emitVectorStep(ctx: StepContext): void {
  const kind =
    VECTOR_KINDS[ctx.view.layer.kind] ?? fail(diag.internal({ layer: ctx.view.layer.name }, `no vector code for ${ctx.view.layer.kind}`));
  const { e, part } = ctx;
  const plan = planOf(ctx);
  loadShared(ctx, plan.loads.length > 0 ? undefined : 'v.sync');
  openCredits(ctx, plan);
  if (part.first && kind.before !== undefined) e.scope(() => kind.before?.(ctx));
  emitChunks(ctx, plan, (chunk) => kind.chunk(ctx, chunk));
  closeCredits(ctx, plan);
  if (part.last && kind.after !== undefined) e.scope(() => kind.after?.(ctx));
  storeShared(ctx);
}

/** The first loads of a vector layer. */
export function emitVectorHead(ctx: StepContext): void {
  loadSharedFirst(ctx);
  loadFirstChunk(ctx, planOf(ctx));
}

function planOf(ctx: StepContext): ChunkPlan {
  const { step, part } = ctx;
  return {
    loads: part.loaded ? [] : step.inputs.flatMap((a, i) => (a.mode === 'stream' || a.mode === 'load' ? [i] : [])),
    stores: step.outputs.flatMap((a, i) => (a.store && a.mode !== 'whole' ? [i] : [])),
    streamsOut: step.outputs.some((a) => a.mode === 'stream'),
    units: ['vector'],
    alternates: reuses(ctx, 1),
    headed: part.headed,
    loadRows: (i, chunk, counter) => wholeRows(ctx, 'in', i, chunk, counter),
    storeRows: (i, chunk, counter) => wholeRows(ctx, 'out', i, chunk, counter),
  };
}
