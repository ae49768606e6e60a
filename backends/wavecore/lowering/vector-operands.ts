import { boolAttr, floatAttr, intAttr } from '../../../ir/layers/attrs.ts';
import { type ControlWord, controlIndex } from '../../../ir/layers/control.ts';
import { recordOf } from '../../../ir/layers/index.ts';
import type { Runs } from '../../../ir/layers/runs.ts';
import { stripeRows } from '../../../passes/mbs/transfers.ts';
import { VECTOR_SLOTS, type VectorSlot } from '../isa/slots.ts';
import { slotValues } from './configuration.ts';
import type { Chunk, StepContext } from './context.ts';
import { constant, plus } from './emitter.ts';

/** How a vector layer becomes instructions. */
export interface VectorKind {
  /** Once, before the first chunk. */
  before?(ctx: StepContext): void;
  /** For every chunk, its operands being in the global buffer. */
  chunk(ctx: StepContext, chunk: Chunk): void;
  /** Once, after the last chunk. */
  after?(ctx: StepContext): void;
}

/** Sets configuration slots of the vector unit. */
export function configure(ctx: StepContext, values: Partial<Record<VectorSlot, number>>): void {
  ctx.e.configure('vector', slotValues(VECTOR_SLOTS, values));
}

/** Sets configuration slots to words of the control tensor, which is input `index` and lies whole in the global buffer. */
export function loadWords(ctx: StepContext, index: number, words: Partial<Record<VectorSlot, ControlWord>>): void {
  const { address } = ctx.block(`in${index}`);
  VECTOR_SLOTS.forEach((name, slot) => {
    const word = words[name];
    if (word === undefined) return;
    ctx.e.scope(() => {
      const src = ctx.e.value(constant(address + 4 * controlIndex(word)));
      ctx.e.op('v.ld_cfg', { slot, src });
    });
  });
}

export const specs = (ctx: StepContext): ReturnType<typeof recordOf>['attrs'] => recordOf(ctx.view.layer.kind).attrs;
export const int = (ctx: StepContext, name: string): number => intAttr(specs(ctx), ctx.view.layer.attrs, name);
export const float = (ctx: StepContext, name: string): number => floatAttr(specs(ctx), ctx.view.layer.attrs, name);
export const bool = (ctx: StepContext, name: string): boolean => boolAttr(specs(ctx), ctx.view.layer.attrs, name);
export const input = (ctx: StepContext, i: number, chunk: Chunk): number => ctx.place('in', i, chunk, ctx.turns);
export const output = (ctx: StepContext, i: number, chunk: Chunk): number => ctx.place('out', i, chunk, ctx.turns);
export const stripeOf = (ctx: StepContext, chunk: Chunk): readonly [number, number] | undefined =>
  chunk.stripe === undefined ? undefined : ctx.step.stripes?.[chunk.stripe];
/** N, C, H, W of input `i` in this chunk. */
export function image(ctx: StepContext, i: number, chunk: Chunk): { N: number; C: number; H: number; W: number } {
  const [, C = 1, H = 1, ...rest] = ctx.input(i).type.shape;
  const W = rest.reduce((a, b) => a * b, 1);
  const stripe = stripeOf(ctx, chunk);
  const rows = stripe === undefined ? H : stripeRows(ctx.view, i, stripe)[1] - stripeRows(ctx.view, i, stripe)[0];
  return { N: chunk.samples, C, H: rows, W };
}

/** N samples of COUNT elements in this chunk. */
export function flat(ctx: StepContext, chunk: Chunk): { N: number; COUNT: number } {
  const stripe = stripeOf(ctx, chunk);
  const COUNT =
    stripe === undefined
      ? ctx
          .input(0)
          .type.shape.slice(1)
          .reduce((a, b) => a * b, 1)
      : stripe[1] - stripe[0];
  return { N: chunk.samples, COUNT };
}

/** Slots of an instruction that works along runs. */
export function runSlots(chunk: Chunk, { outer, length, inner }: Runs): Partial<Record<VectorSlot, number>> {
  return { N: chunk.samples, OUTER: outer, LENGTH: length, INNER: inner };
}

/** A register that is not 0 where a shared result adds to what earlier iterations and chunks left. */
export function addsToEarlier(ctx: StepContext, chunk: Chunk): number {
  return ctx.e.value(plus(ctx.iteration.offset, chunk.offset));
}

/** The mask that a layer writes where it has it as a second result. */
export function maskOf(ctx: StepContext, chunk: Chunk): { readonly mask: number; readonly withMask: 0 | 1 } {
  return ctx.view.outputs.length > 1 ? { mask: output(ctx, 1, chunk), withMask: 1 } : { mask: 0, withMask: 0 };
}
