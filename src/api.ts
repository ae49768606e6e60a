import { generate, resourcesOf } from '../backends/wavecore/generate.ts';
import type { Machine } from '../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../backends/wavecore/machine/presets.ts';
import type { Program } from '../backends/wavecore/program.ts';
import { diag, fail } from '../ir/diagnostics.ts';
import type { ScheduleName } from '../passes/mbs/schedule.ts';
import type { NormChoice } from '../passes/normalize.ts';
import { type CompileOptions, type CompileState, type PipelineHooks, runPipeline } from '../passes/pipeline.ts';
import { withDefaults } from '../passes/training/defaults.ts';
import type { TrainingOptions } from '../passes/training/index.ts';
import { DEFAULT_CHANNELS_PER_GROUP } from './norm.ts';
import type { ParameterOrigin } from './onnx/context.ts';
import { importTraced } from './onnx/index.ts';

/** What a caller may choose; everything has a default, that of the training step in passes/training/defaults.ts. */
export interface CompileSettings extends Partial<TrainingOptions> {
  /** Name of the model's file: in messages, and (without its extension) the name of the program. */
  readonly file?: string;
  /** Default `training`. */
  readonly mode?: 'training' | 'inference';
  /** Samples a core in one step. Default 32 in training, the model's own in inference. */
  readonly batch?: number;
  /** Sizes of symbolic dimensions, by name. */
  readonly bind?: Readonly<Record<string, number>>;
  /** Default `mbs2`. */
  readonly schedule?: ScheduleName;
  /** Default: the preset `wavecore`. */
  readonly machine?: Machine;
  /** Default: `gn:16` for the serialized schedules in training, otherwise `keep`. */
  readonly norm?: NormChoice;
}

/** Settings with their defaults filled in. */
export interface ResolvedSettings extends CompileOptions {
  readonly file: string;
  readonly batch: number | undefined;
  readonly bind: Readonly<Record<string, number>>;
  readonly machine: Machine;
}

const TRAINING_BATCH = 32;

export function resolveSettings(settings: CompileSettings = {}): ResolvedSettings {
  const { mode = 'training', schedule = 'mbs2' } = settings;
  const machine = settings.machine ?? PRESETS.wavecore ?? fail(diag.internal({}, 'the preset wavecore is missing'));
  return {
    file: settings.file ?? 'model',
    mode,
    batch: settings.batch ?? (mode === 'training' ? TRAINING_BATCH : undefined),
    bind: settings.bind ?? {},
    schedule,
    machine,
    norm: settings.norm ?? defaultNorm(mode, schedule),
    ...withDefaults(settings),
    resources: resourcesOf(machine),
  };
}

/** Batch normalization couples the samples of a mini-batch, so the serialized schedules replace it in training. */
function defaultNorm(mode: 'training' | 'inference', schedule: ScheduleName): NormChoice {
  const serialized = schedule.startsWith('mbs');
  return mode === 'training' && serialized ? { kind: 'group', channelsPerGroup: DEFAULT_CHANNELS_PER_GROUP } : { kind: 'keep' };
}

/** Imports a model and runs the passes on it, up to `hooks.stopAfter`. */
export function runPasses(model: Uint8Array, settings: ResolvedSettings, hooks: PipelineHooks = {}): CompileState {
  return runPassesTraced(model, settings, hooks).state;
}

/** The same, with the place in the model that every parameter comes from. */
export function runPassesTraced(
  model: Uint8Array,
  settings: ResolvedSettings,
  hooks: PipelineHooks = {},
): { readonly state: CompileState; readonly origins: ReadonlyMap<string, ParameterOrigin> } {
  const { file, batch, bind, mode } = settings;
  const { graph, origins } = importTraced(model, { file, bind, mode, ...(batch === undefined ? {} : { batch }) });
  // Exporters call every graph by the same name; the file's tells models apart.
  return { state: runPipeline({ ...graph, name: modelName(file) }, settings, hooks), origins };
}

/** The program of what the passes made. */
export function generateProgram(state: CompileState, settings: ResolvedSettings): Program {
  const scheduled = state.scheduled ?? fail(diag.internal({ file: settings.file }, 'the graph has no schedule'));
  return generate(scheduled, { model: state.graph.name, mode: settings.mode, machine: settings.machine });
}

/**
 * Compiles the bytes of an ONNX model to a WaveCore program.
 * @throws WavecError with every problem of the model
 */
export function compile(model: Uint8Array, settings: CompileSettings = {}): Program {
  const resolved = resolveSettings(settings);
  return generateProgram(runPasses(model, resolved), resolved);
}

function modelName(file: string): string {
  const base = file.split(/[\\/]/).at(-1) ?? file;
  return base.replace(/\.onnx$/, '');
}
