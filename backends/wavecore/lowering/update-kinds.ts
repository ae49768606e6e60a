import { boolAttr, floatAttr, intAttr } from '../../../ir/layers/attrs.ts';
import type { ControlWord } from '../../../ir/layers/control.ts';
import { floatBits } from '../isa/float.ts';
import type { VectorSlot } from '../isa/slots.ts';
import type { StepContext } from './context.ts';
import { configure, loadWords } from './vector-operands.ts';

/** Registers with the addresses of the present chunk of the operands of an update, numbered as those of a layer that does nothing else. */
export type Place = (direction: 'in' | 'out', i: number) => number;

/** How a layer over parameters becomes instructions. */
export interface UpdateKind {
  /** Once; operands that are taken whole are in the global buffer: `control` is the position of the state of the step. */
  before?(ctx: StepContext, control: number): void;
  /** For every chunk of the operands that stream; absent where none does. */
  streamed?(ctx: StepContext, place: Place, withWeight: boolean): void;
}

const float = (ctx: StepContext, name: string): number => floatAttr(ctx.view.record.attrs, ctx.view.layer.attrs, name);
const bool = (ctx: StepContext, name: string): number => (boolAttr(ctx.view.record.attrs, ctx.view.layer.attrs, name) ? 1 : 0);
const int = (ctx: StepContext, name: string): number => intAttr(ctx.view.record.attrs, ctx.view.layer.attrs, name);

/** The f16 weight behind `states` f32 results, where there is one. */
function weightOf(place: Place, states: number, withWeight: boolean): { weight: number; withWeight: number } {
  return withWeight ? { weight: place('out', states), withWeight: 1 } : { weight: 0, withWeight: 0 };
}

/** Configuration of an optimizer: its own settings, then what changes from step to step. */
function begin(
  ctx: StepContext,
  control: number,
  slots: Partial<Record<VectorSlot, number>>,
  words: Partial<Record<VectorSlot, ControlWord>> = {},
): void {
  configure(ctx, { DECAY: floatBits(float(ctx, 'weightDecay')), ...slots });
  loadWords(ctx, control, { LR: 'learningRate', GRADSCALE: 'gradScale', HOLD: 'hold', ...words });
}

export const UPDATE_KINDS: Readonly<Record<string, UpdateKind>> = {
  overflow_check: {
    streamed: (ctx, place) => ctx.e.op('v.check_finite', { control: ctx.shared('in', 1), grad: place('in', 0) }),
  },
  step_control: {
    before: (ctx) => {
      const betas = { BETA1: floatBits(float(ctx, 'beta1')), BETA2: floatBits(float(ctx, 'beta2')) };
      configure(ctx, { ...betas, INTERVAL: int(ctx, 'interval'), DYNAMIC: bool(ctx, 'dynamic') });
      ctx.e.op('v.step', { control: ctx.shared('in', 0), rate: ctx.shared('in', 1) });
    },
  },
  sgd: {
    before: (ctx, control) => begin(ctx, control, {}),
    streamed: (ctx, place, withWeight) =>
      ctx.e.op('v.sgd', { master: place('in', 0), grad: place('in', 1), ...weightOf(place, 1, withWeight) }),
  },
  momentum: {
    before: (ctx, control) => begin(ctx, control, { MOMENTUM: floatBits(float(ctx, 'momentum')), NESTEROV: bool(ctx, 'nesterov') }),
    streamed: (ctx, place, withWeight) =>
      ctx.e.op('v.momentum', { master: place('in', 0), velocity: place('in', 1), grad: place('in', 2), ...weightOf(place, 2, withWeight) }),
  },
  adam: {
    before: (ctx, control) => {
      const betas = { BETA1: floatBits(float(ctx, 'beta1')), BETA2: floatBits(float(ctx, 'beta2')) };
      const slots = { ...betas, EPS: floatBits(float(ctx, 'epsilon')), DECOUPLED: bool(ctx, 'decoupled') };
      begin(ctx, control, slots, { CORRECT1: 'correct1', CORRECT2: 'correct2' });
    },
    streamed: (ctx, place, withWeight) =>
      ctx.e.op('v.adam', {
        master: place('in', 0),
        first: place('in', 1),
        second: place('in', 2),
        grad: place('in', 3),
        ...weightOf(place, 3, withWeight),
      }),
  },
};
