import { diag, fail } from '../../../ir/diagnostics.ts';
import { elementsOf } from '../../../passes/mbs/transfers.ts';
import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { type Affine, constant, plus, times } from './emitter.ts';
import { loadShared, storeShared } from './shared.ts';
import { pipelined } from './turns.ts';
import { type Place, UPDATE_KINDS } from './update-kinds.ts';
import { configure } from './vector-operands.ts';

/** Emits a layer over parameters: they and their state stream through chunk buffers and are overwritten in place. */
export function emitUpdateStep(ctx: StepContext): void {
  const { view, e } = ctx;
  const { layer } = view;
  const kind = UPDATE_KINDS[layer.kind] ?? fail(diag.internal({ layer: layer.name }, `no update code for ${layer.kind}`));
  loadShared(ctx, 'v.sync');
  e.scope(() => kind.before?.(ctx));
  const { streamed } = kind;
  if (streamed !== undefined) emitStreams(ctx, streamed);
  storeShared(ctx);
}

/** Positions of the operands of one direction that pass through chunk buffers. */
function streams(ctx: StepContext, direction: 'in' | 'out'): number[] {
  const operands = direction === 'in' ? ctx.view.inputs : ctx.view.outputs;
  return operands.flatMap((o, i) => (o.whole ? [] : [i]));
}

function emitStreams(ctx: StepContext, emit: (ctx: StepContext, place: Place) => void): void {
  const { e, view, step } = ctx;
  const elements = elementsOf(view);
  const alternates = elements > step.chunk;
  const [loads, stores] = [streams(ctx, 'in'), streams(ctx, 'out')];
  if (alternates) e.op('d.ld_sync', {}, { signal: [TOKEN.free, TOKEN.free] });

  const place = (direction: 'in' | 'out', i: number, counter: number): number => {
    const block = ctx.block(ctx.blockName(direction, i));
    return block.halves === 1 ? e.value(constant(block.address)) : e.half(block.address, block.bytes, counter);
  };
  const rows = (direction: 'in' | 'out', i: number, offset: Affine, size: number, counter: number): DmaRows => {
    const operand = ctx.operand(direction, i);
    const width = operand.bytes / elements;
    const dram = e.value(plus(constant(ctx.options.address(operand.tensor)), times(offset, width)));
    return run(dram, place(direction, i, counter), size * width);
  };
  pipelined(
    e,
    elements,
    step.chunk,
    (turn) => {
      const list = loads.map((i) => rows('in', i, turn.offset, turn.size, ctx.loads));
      emitDma(e, 'd.ld', list, { wait: alternates ? [TOKEN.free] : [], signal: [TOKEN.loaded] });
      e.increment(ctx.loads);
    },
    (turn) => {
      e.op('v.sync', {}, { wait: [TOKEN.loaded] });
      configure(ctx, { COUNT: turn.size });
      emit(ctx, (direction, i) => place(direction, i, ctx.turns));
      const done = stores.length > 0 ? TOKEN.ready : TOKEN.free;
      if (stores.length > 0 || alternates) e.op('v.sync', {}, { signal: [done] });
      const list = stores.map((i) => rows('out', i, turn.offset, turn.size, ctx.turns));
      emitDma(e, 'd.st', list, { wait: [TOKEN.ready], signal: alternates ? [TOKEN.free] : [] });
      e.increment(ctx.turns);
    },
  );
  if (alternates) e.op(stores.length > 0 ? 'd.st_sync' : 'v.sync', {}, { wait: [TOKEN.free, TOKEN.free] });
}
