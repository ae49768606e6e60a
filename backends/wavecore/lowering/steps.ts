import type { StepContext } from './context.ts';
import { emitMapHead, emitMapStep } from './matrix-map.ts';
import { emitReduceHead, emitReduceStep } from './matrix-reduce.ts';
import { emitUpdateHead, emitUpdateStep } from './update-step.ts';
import { emitVectorHead, emitVectorStep } from './vector-step.ts';

/** Emits a part of a step. */
export function emitStep(ctx: StepContext): void {
  const { view, step } = ctx;
  if (view.phase === 'update') emitUpdateStep(ctx);
  else if (step.panel === undefined) emitVectorStep(ctx);
  else if (view.matrix?.form === 'weightGradient') emitReduceStep(ctx, step.panel);
  else emitMapStep(ctx, step.panel);
}

/** Emits the first loads of a part of a step, which `emitStep` then leaves out. */
export function emitHead(ctx: StepContext): void {
  const { view, step } = ctx;
  if (view.phase === 'update') emitUpdateHead(ctx);
  else if (step.panel === undefined) emitVectorHead(ctx);
  else if (view.matrix?.form === 'weightGradient') emitReduceHead(ctx, step.panel);
  else emitMapHead(ctx, step.panel);
}
