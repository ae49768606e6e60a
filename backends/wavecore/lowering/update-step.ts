import { boolAttr, floatAttr } from '../../../ir/layers/attrs.ts';
import { elementsOf } from '../../../passes/mbs/transfers.ts';
import { floatBits } from '../isa/float.ts';
import { type StepContext, TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { type Affine, constant, plus, times } from './emitter.ts';
import { pipelined } from './turns.ts';
import { configure } from './vector-operands.ts';

/** Emits an optimizer's update: parameters and state stream through chunk buffers and are overwritten in place. */
export function emitUpdateStep(ctx: StepContext): void {
  const { e, view, step } = ctx;
  const elements = elementsOf(view);
  const alternates = elements > step.chunk;
  const { attrs } = view.layer;
  const specs = view.record.attrs;
  const float = (name: string): number => (name in specs ? floatAttr(specs, attrs, name) : 0);
  configure(ctx, {
    LR: floatBits(float('lr')),
    MOMENTUM: floatBits(float('momentum')),
    DECAY: floatBits(float('weightDecay')),
    GRADSCALE: floatBits(float('gradScale')),
    NESTEROV: 'nesterov' in specs && boolAttr(specs, attrs, 'nesterov') ? 1 : 0,
  });
  if (alternates) e.op('v.sync', {}, { signal: [TOKEN.free, TOKEN.free] });

  const place = (direction: 'in' | 'out', i: number, counter: number): number => {
    const block = ctx.block(blockName(ctx, direction, i));
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
      const list = view.inputs.map((_, i) => rows('in', i, turn.offset, turn.size, ctx.loads));
      emitDma(e, 'd.ld', list, { wait: alternates ? [TOKEN.free] : [], signal: [TOKEN.loaded] });
      e.increment(ctx.loads);
    },
    (turn) => {
      e.op('v.sync', {}, { wait: [TOKEN.loaded] });
      configure(ctx, { COUNT: turn.size });
      emitUpdate(ctx, (direction, i) => place(direction, i, ctx.turns));
      e.op('v.sync', {}, { signal: [TOKEN.ready] });
      const list = view.outputs.map((_, i) => rows('out', i, turn.offset, turn.size, ctx.turns));
      emitDma(e, 'd.st', list, { wait: [TOKEN.ready], signal: alternates ? [TOKEN.free] : [] });
      e.increment(ctx.turns);
    },
  );
  if (alternates) e.op('v.sync', {}, { wait: [TOKEN.free, TOKEN.free] });
}

/** A result that shares the storage of an operand is computed where the operand lies. */
function blockName(ctx: StepContext, direction: 'in' | 'out', i: number): string {
  if (direction === 'in') return `in${i}`;
  const donor = ctx.view.inputs.findIndex((o) => o.tensor === ctx.output(i).tensor);
  return donor < 0 ? `out${i}` : `in${donor}`;
}

function emitUpdate(ctx: StepContext, place: (direction: 'in' | 'out', i: number) => number): void {
  const { e, view } = ctx;
  const states = view.inputs.length - 1;
  const withWeight = view.outputs.length > states ? 1 : 0;
  const weight = withWeight === 1 ? place('out', states) : 0;
  const grad = place('in', states);
  if (states === 2) e.op('v.momentum', { master: place('in', 0), velocity: place('in', 1), grad, weight, withWeight });
  else e.op('v.sgd', { master: place('in', 0), grad, weight, withWeight });
}
