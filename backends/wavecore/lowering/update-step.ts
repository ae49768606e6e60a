import { diag, fail } from '../../../ir/diagnostics.ts';
import { elementsOf } from '../../../passes/mbs/transfers.ts';
import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { constant, plus, times } from './emitter.ts';
import { loadShared, loadSharedFirst, storeShared } from './shared.ts';
import { pipelined, type Turn } from './turns.ts';
import { UPDATE_KINDS, type UpdateKind } from './update-kinds.ts';
import { configure } from './vector-operands.ts';

/** Emits a layer over parameters: they and their state stream through chunk buffers and are overwritten in place. */
export function emitUpdateStep(ctx: StepContext): void {
  const kind = kindOf(ctx);
  loadShared(ctx, 'v.sync');
  ctx.e.scope(() => kind.before?.(ctx, ctx.view.inputs.length - 1));
  const { streamed } = kind;
  if (streamed !== undefined) emitStreams(ctx, streamed);
  storeShared(ctx);
}

/** The first loads of a layer over parameters. */
export function emitUpdateHead(ctx: StepContext): void {
  loadSharedFirst(ctx);
  if (kindOf(ctx).streamed === undefined) return;
  const size = Math.min(elementsOf(ctx.view), ctx.step.chunk);
  emitDma(ctx.e, 'd.ld', rowsOf(ctx, 'in', { offset: constant(0), size }, ctx.loads));
}

function kindOf({ view: { layer } }: StepContext): UpdateKind {
  return UPDATE_KINDS[layer.kind] ?? fail(diag.internal({ layer: layer.name }, `no update code for ${layer.kind}`));
}

/** Positions of the operands of one direction that pass through chunk buffers. */
function streams(ctx: StepContext, direction: 'in' | 'out'): number[] {
  const operands = direction === 'in' ? ctx.view.inputs : ctx.view.outputs;
  return operands.flatMap((o, i) => (o.whole ? [] : [i]));
}

function placeOf(ctx: StepContext, direction: 'in' | 'out', i: number, counter: number): number {
  const block = ctx.block(ctx.blockName(direction, i));
  return block.halves === 1 ? ctx.e.value(constant(block.address)) : ctx.e.half(block.address, block.bytes, counter);
}

/** Elements [offset, offset + size) of all operands of one direction that pass through chunk buffers. */
function rowsOf(ctx: StepContext, direction: 'in' | 'out', { offset, size }: Turn, counter: number): DmaRows[] {
  return streams(ctx, direction).map((i) => {
    const operand = ctx.operand(direction, i);
    const width = operand.bytes / elementsOf(ctx.view);
    const dram = ctx.e.value(plus(constant(ctx.options.address(operand.tensor)), times(offset, width)));
    return run(dram, placeOf(ctx, direction, i, counter), size * width);
  });
}

function emitStreams(ctx: StepContext, emit: NonNullable<UpdateKind['streamed']>): void {
  const { e, view, step, part } = ctx;
  const elements = elementsOf(view);
  const alternates = elements > step.chunk;
  const stores = streams(ctx, 'out').length > 0;
  if (alternates) e.op('d.ld_sync', {}, { signal: part.headed ? [TOKEN.free] : [TOKEN.free, TOKEN.free] });
  pipelined(
    e,
    elements,
    step.chunk,
    (turn) => {
      emitDma(e, 'd.ld', rowsOf(ctx, 'in', turn, ctx.loads), { wait: alternates ? [TOKEN.free] : [], signal: [TOKEN.loaded] });
      e.increment(ctx.loads);
    },
    (turn) => {
      if (!part.loaded) e.op('v.sync', {}, { wait: [TOKEN.loaded] });
      configure(ctx, { COUNT: turn.size });
      emit(ctx, (direction, i) => placeOf(ctx, direction, i, ctx.turns), view.outputs.length > view.inputs.length - 2);
      const done = stores ? TOKEN.ready : TOKEN.free;
      if (stores || alternates) e.op('v.sync', {}, { signal: [done] });
      emitDma(e, 'd.st', rowsOf(ctx, 'out', turn, ctx.turns), { wait: [TOKEN.ready], signal: alternates ? [TOKEN.free] : [] });
      e.increment(ctx.turns);
    },
    part.headed ? () => headLoaded(ctx) : undefined,
  );
  if (alternates) e.op(stores ? 'd.st_sync' : 'v.sync', {}, { wait: [TOKEN.free, TOKEN.free] });
}

function headLoaded({ e, loads, part }: StepContext): void {
  if (!part.loaded) e.op('d.ld_sync', {}, { signal: [TOKEN.loaded] });
  e.increment(loads);
}
