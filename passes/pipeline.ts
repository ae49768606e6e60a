import { WavecError } from '../ir/diagnostics.ts';
import type { Graph } from '../ir/graph.ts';
import { verify } from '../ir/verify.ts';
import { type Scheduled, type ScheduleOptions, scheduleGraph } from './mbs/index.ts';
import type { Resources, ScheduleName } from './mbs/schedule.ts';
import { type NormChoice, normalize } from './normalize.ts';
import { deriveTraining, type TrainingOptions } from './training/index.ts';

export interface CompileOptions extends TrainingOptions, ScheduleOptions {
  readonly mode: 'training' | 'inference';
  readonly norm: NormChoice;
  readonly schedule: ScheduleName;
  readonly resources: Resources;
}

/** What the passes have made so far. */
export interface CompileState {
  readonly graph: Graph;
  readonly scheduled?: Scheduled;
}

/** One pass: a pure function from state to state. */
export interface Pass {
  readonly name: string;
  readonly doc: string;
  run(state: CompileState, options: CompileOptions): CompileState;
}

/** All passes in order; `--stop-after`, dumps and timings follow this list. */
export const PASSES: readonly Pass[] = [
  { name: 'import', doc: 'The forward graph as the front end made it.', run: (state) => state },
  {
    name: 'normalize',
    doc: 'Canonical layers: batch normalization kept, replaced or folded.',
    run: (state, options) => ({ graph: normalize(state.graph, options) }),
  },
  {
    name: 'training',
    doc: 'Losses, backward layers and the update of the parameters.',
    run: (state, options) => (options.mode === 'training' ? { graph: deriveTraining(state.graph, options) } : state),
  },
  {
    name: 'mbs',
    doc: 'Layer groups, sub-batches, what stays on chip, buffer plan.',
    run: ({ graph }, options) => {
      const scheduled = scheduleGraph(graph, options.schedule, options.resources, options);
      return { graph: scheduled.network.graph, scheduled };
    },
  },
];

export interface PipelineHooks {
  readonly stopAfter?: string;
  onPass?(pass: Pass, state: CompileState, milliseconds: number): void;
}

/** Whether `pass` has run where `after` is the last pass that has. */
export function isPast(pass: string, after: string): boolean {
  const names = PASSES.map((p) => p.name);
  return names.indexOf(pass) <= names.indexOf(after);
}

/** Runs the passes on a forward graph; verifies the graph after each. */
export function runPipeline(graph: Graph, options: CompileOptions, hooks: PipelineHooks = {}): CompileState {
  return runPassesOf(PASSES, { graph }, options, hooks);
}

/** Runs the passes behind `after` on what the passes up to it have made. */
export function continuePipeline(state: CompileState, after: string, options: CompileOptions, hooks: PipelineHooks = {}): CompileState {
  if (hooks.stopAfter === after) return state;
  return runPassesOf(
    PASSES.filter((pass) => !isPast(pass.name, after)),
    state,
    options,
    hooks,
  );
}

function runPassesOf(passes: readonly Pass[], from: CompileState, options: CompileOptions, hooks: PipelineHooks): CompileState {
  let state = from;
  for (const pass of passes) {
    const start = performance.now();
    state = pass.run(state, options);
    const problems = verify(state.graph);
    if (problems.length > 0) throw new WavecError(problems);
    hooks.onPass?.(pass, state, performance.now() - start);
    if (pass.name === hooks.stopAfter) break;
  }
  return state;
}
