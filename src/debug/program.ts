import { generate, resourcesOf } from '../../backends/wavecore/generate.ts';
import type { Program } from '../../backends/wavecore/program.ts';
import type { Graph } from '../../ir/graph.ts';
import { type Scheduled, scheduleGraph } from '../../passes/mbs/index.ts';
import type { Schedule } from '../../passes/mbs/schedule.ts';
import { type ResolvedSettings, runPasses } from '../api.ts';

/** A program that leaves every tensor of its graph in DRAM. */
export interface DebugProgram {
  readonly graph: Graph;
  readonly program: Program;
  readonly schedule: Schedule;
  /** Name of the DRAM symbol that holds a tensor. */
  symbolOf(tensor: string): string;
}

/** Compiles a model so that all results of its layers can be read, whatever the schedule keeps on chip. */
export function debugProgram(model: Uint8Array, settings: ResolvedSettings): DebugProgram {
  const step = runPasses(model, settings, { stopAfter: 'training' }).graph;
  const results = step.layers.flatMap((l) => l.outputs);
  const readable = { ...step, outputs: [...new Set([...step.outputs, ...results])] };
  const scheduled: Scheduled = scheduleGraph(readable, settings.schedule, resourcesOf(settings.machine), settings);
  const graph = { ...scheduled.network.graph, outputs: step.outputs };
  const program = generate(scheduled, { model: graph.name, mode: settings.mode, machine: settings.machine });
  return { graph, program, schedule: scheduled.schedule, symbolOf: (tensor) => scheduled.network.storages.of(tensor).name };
}
