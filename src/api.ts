import { estimateOf } from '../backends/wavecore/estimate.ts';
import { generate, resourcesOf } from '../backends/wavecore/generate.ts';
import type { Machine } from '../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../backends/wavecore/machine/presets.ts';
import { measureOf } from '../backends/wavecore/measure.ts';
import { MOST_CORES, type Program } from '../backends/wavecore/program.ts';
import { diag, fail } from '../ir/diagnostics.ts';
import type { ObjectiveName } from '../passes/mbs/opt/objective.ts';
import type { ScheduleName } from '../passes/mbs/schedule.ts';
import type { NormChoice } from '../passes/normalize.ts';
import { type CompileOptions, type CompileState, continuePipeline, isPast, type PipelineHooks, runPipeline } from '../passes/pipeline.ts';
import { withDefaults } from '../passes/training/defaults.ts';
import type { TrainingOptions } from '../passes/training/index.ts';
import { withConstants } from './ir-file/constants.ts';
import { type IrFile, stateOf } from './ir-file/index.ts';
import { type LoadOptions, type LoadSettings, loadModel, loadSettings, type Model } from './model.ts';
import { DEFAULT_CHANNELS_PER_GROUP } from './norm.ts';

/** What a caller may choose; everything has a default, that of the training step in passes/training/defaults.ts. */
export interface CompileSettings extends LoadOptions, Partial<TrainingOptions> {
  /** Default `mbs2`. */
  readonly schedule?: ScheduleName;
  /** What the schedule `opt` minimizes; default `traffic`. */
  readonly objective?: ObjectiveName;
  /** Gathers the statistics of a normalization while its convolution drains; default no. */
  readonly gathers?: boolean;
  /** Whether weight gradients may stay on chip until their update, in the schedules that keep tensors on chip; default yes. */
  readonly fusedUpdates?: boolean;
  /** Default: the preset `wavecore`. */
  readonly machine?: Machine;
  /** Default: `gn:16` for the serialized schedules in training, otherwise `keep`. */
  readonly norm?: NormChoice;
}

/** Settings with their defaults filled in. */
export interface ResolvedSettings extends CompileOptions, LoadSettings {
  readonly machine: Machine;
}

export function resolveSettings(settings: CompileSettings = {}): ResolvedSettings {
  const load = loadSettings(settings);
  const { mode, cores, file } = load;
  const { schedule = 'mbs2' } = settings;
  const machine = settings.machine ?? PRESETS.wavecore ?? fail(diag.internal({}, 'the preset wavecore is missing'));
  if (cores > Math.min(machine.coresPerChip, MOST_CORES))
    fail(diag.usage({ file }, `${cores} cores are asked for; the chip of machine ${machine.name} has ${machine.coresPerChip}`), 2);
  return {
    ...load,
    schedule,
    machine,
    ...(settings.objective === undefined ? {} : { objective: settings.objective }),
    ...(settings.gathers === undefined ? {} : { gathers: settings.gathers }),
    ...(settings.fusedUpdates === undefined ? {} : { fusedUpdates: settings.fusedUpdates }),
    norm: settings.norm ?? defaultNorm(mode, schedule),
    ...withDefaults(settings),
    resources: resourcesOf(machine, cores),
    estimate: estimateOf(machine),
    measure: measureOf(machine),
  };
}

/** Batch normalization couples the samples of a mini-batch, so the serialized schedules replace it in training. */
function defaultNorm(mode: 'training' | 'inference', schedule: ScheduleName): NormChoice {
  const serialized = schedule.startsWith('mbs') || schedule === 'opt';
  return mode === 'training' && serialized ? { kind: 'group', channelsPerGroup: DEFAULT_CHANNELS_PER_GROUP } : { kind: 'keep' };
}

/** Runs the passes on a model, up to `hooks.stopAfter`; bytes are imported first. */
export function runPasses(model: Uint8Array | Model, settings: ResolvedSettings, hooks: PipelineHooks = {}): CompileState {
  const { graph } = isBytes(model) ? loadModel(model, settings) : model;
  return runPipeline(graph, settings, hooks);
}

/** Settings for going on from an IR file: what went into it is settled there. */
export function settingsOfIr({ header, graph, schedule }: IrFile, settings: CompileSettings): ResolvedSettings {
  const { mode, cores, bind, norm, optimizer } = header;
  return resolveSettings({
    ...settings,
    mode,
    bind,
    cores,
    batch: graph.batch / cores,
    ...(norm === undefined ? {} : { norm }),
    ...(optimizer === undefined ? {} : { optimizer }),
    ...(schedule === undefined ? {} : { schedule: schedule.name }),
  });
}

/** The IR with the constants of the model that it was made of, where names and types agree. */
export function withModel(ir: IrFile, model: Uint8Array, settings: ResolvedSettings): IrFile {
  const { after } = ir.header;
  const source = runPasses(model, settings, { stopAfter: isPast('mbs', after) ? 'training' : after });
  return { ...ir, graph: withConstants(ir.graph, source.graph) };
}

/**
 * Checks what an IR file holds and runs the passes behind it, up to `hooks.stopAfter`.
 * @throws WavecError with every problem of the graph or the schedule, each at its line
 */
export function resumePasses(ir: IrFile, settings: ResolvedSettings, hooks: PipelineHooks = {}): CompileState {
  return continuePipeline(stateOf(ir, settings.file, settings.resources), ir.header.after, settings, hooks);
}

/** The program of what the passes made. */
export function generateProgram(state: CompileState, settings: ResolvedSettings): Program {
  const scheduled = state.scheduled ?? fail(diag.internal({ file: settings.file }, 'the graph has no schedule'));
  return generate(scheduled, { model: state.graph.name, mode: settings.mode, machine: settings.machine });
}

/** Settings for a model that is loaded: what it was loaded with is settled. */
export type ModelSettings = Omit<CompileSettings, keyof LoadOptions>;

/**
 * Compiles an ONNX model, given as its bytes or loaded, to a WaveCore program.
 * @throws WavecError with every problem of the model; USAGE for settings that contradict a loaded model
 */
export function compile(model: Uint8Array, settings?: CompileSettings): Program;
export function compile(model: Model, settings?: ModelSettings): Program;
export function compile(model: Uint8Array | Model, settings: CompileSettings = {}): Program {
  const resolved = resolveSettings(isBytes(model) ? settings : settledBy(model, settings));
  return generateProgram(runPasses(model, resolved), resolved);
}

function settledBy(model: Model, settings: CompileSettings): CompileSettings {
  const { file, mode, cores } = model;
  const wrong = (['file', 'mode', 'batch', 'cores', 'bind', 'files', 'weights'] as const).filter((name) => settings[name] !== undefined);
  if (wrong.length > 0)
    fail(diag.usage({ file }, `${wrong.join(', ')} cannot be chosen for a model that is loaded; give it to loadModel`), 2);
  return { ...settings, file, mode, cores, batch: model.graph.batch / cores };
}

/** Bytes of another realm (a frame, a `vm` context) are bytes too. */
function isBytes(model: Uint8Array | Model): model is Uint8Array {
  return ArrayBuffer.isView(model);
}
