import { type Command, InvalidArgumentError, Option } from 'commander';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import { OBJECTIVES, type ObjectiveName } from '../../passes/mbs/opt/objective.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { isPast } from '../../passes/pipeline.ts';
import type { TrainingOptions } from '../../passes/training/index.ts';
import { LOSSES } from '../../passes/training/loss.ts';
import { OPTIMIZERS } from '../../passes/training/update.ts';
import type { CompileSettings } from '../api.ts';
import { parseNorm } from '../norm.ts';
import { filesBeside } from './external-files.ts';
import { readMachine } from './files.ts';

/** Options that every subcommand takes. */
export interface CommonOptions {
  readonly json?: boolean;
}

/** Options of the subcommands that compile. */
export interface ModelOptions extends CommonOptions, Partial<TrainingOptions> {
  readonly mode: 'training' | 'inference';
  readonly batch?: number;
  readonly cores?: number;
  readonly bind: Readonly<Record<string, number>>;
  /** False with --no-weights. */
  readonly weights: boolean;
  readonly machine: string;
  readonly norm?: NormChoice;
  readonly schedule?: ScheduleName;
  readonly objective?: ObjectiveName;
  readonly gathers?: boolean;
  /** False with --no-fused-updates. */
  readonly fusedUpdates?: boolean;
}

export function addCommonOptions(command: Command): Command {
  return command.option('--json', 'print the result as JSON').option('--debug', 'print the stack of an error');
}

export function addModelOptions(command: Command): Command {
  const mode = new Option('--mode <mode>', 'what the program does').choices(['training', 'inference']).default('training');
  return addStepOptions(addNetworkOptions(command.addOption(mode)));
}

export function addNetworkOptions(command: Command): Command {
  return command
    .option('--batch <N>', 'samples a core in one step (default: 32 in training, that of the model in inference)', positiveInteger)
    .option('--cores <N>', 'cores of the chip that divide the mini-batch; each has --batch samples (default: 1)', positiveInteger)
    .addOption(
      new Option('--bind <NAME=N>', 'size of a symbolic dimension of the model; may be repeated')
        .argParser(bindDimension)
        .default({}, 'none'),
    )
    .option('--no-weights', 'read no weights: the program can be timed, and computes nothing')
    .option('--machine <FILE|preset>', `machine file, or one of ${Object.keys(PRESETS).join(', ')}`, 'wavecore')
    .option('--norm <keep|gn[:CHANNELS]>', 'keep batch normalization, or replace it by group normalization', normChoice);
}

/** What the training step is: loss, optimizer, loss scale. */
export function addStepOptions(command: Command): Command {
  return command
    .addOption(new Option('--loss <name>', 'loss of a training step').choices(LOSSES).default('cross-entropy'))
    .option('--auxiliary-weight <x>', 'weight of the loss of each further output (default: 0.3)', finite)
    .addOption(new Option('--optimizer <name>', 'update of the parameters').choices(OPTIMIZERS).default('momentum'))
    .option('--learning-rate <x>', 'learning rate (default: 0.1; 0.001 for adam and adamw)', finite)
    .option('--momentum <x>', 'momentum (default: 0.9)', finite)
    .option('--nesterov', 'momentum of Nesterov')
    .option('--beta1 <x>', 'share of the first moment that adam keeps (default: 0.9)', finite)
    .option('--beta2 <x>', 'share of the second moment that adam keeps (default: 0.999)', finite)
    .option('--epsilon <x>', 'what adam adds to the root of the second moment (default: 1e-8)', positive)
    .option('--weight-decay <x>', 'weight decay (default: 0.0001)', finite)
    .option('--loss-scale <x>', 'scale of the gradients in f16; the update divides by it (default: 128; 65536 if dynamic)', positive)
    .option('--dynamic-loss-scale', 'leave out steps whose gradients overflow, and let the loss scale follow them')
    .option('--loss-scale-interval <N>', 'steps without overflow that double a dynamic loss scale (default: 2000)', positiveInteger);
}

export function addScheduleOption(command: Command): Command {
  return addObjectiveOption(command.addOption(new Option('--schedule <name>', 'schedule of the step').choices(SCHEDULES).default('mbs2')));
}

export function addObjectiveOption(command: Command): Command {
  return command
    .addOption(new Option('--objective <name>', 'what the schedule opt minimizes (default: traffic)').choices(OBJECTIVES))
    .option('--gathers', 'gather the statistics of a normalization while its convolution drains')
    .option('--no-fused-updates', 'write weight gradients to DRAM, and read them again for the update');
}

/** What the options say, for the API; an option that was not given is left to its default there. */
export function settingsOf(model: string, options: Omit<ModelOptions, 'mode'> & Partial<ModelOptions>): CompileSettings {
  const { json, machine, ...given } = options;
  return { ...given, file: model, files: filesBeside(model), machine: readMachine(machine) };
}

/** The pass that each option of a model steers. */
const STEERS: Readonly<Record<Exclude<keyof ModelOptions, 'json' | 'machine' | 'weights'>, string>> = {
  mode: 'import',
  batch: 'import',
  cores: 'import',
  bind: 'import',
  norm: 'normalize',
  optimizer: 'training',
  learningRate: 'training',
  momentum: 'training',
  weightDecay: 'training',
  lossScale: 'training',
  auxiliaryWeight: 'training',
  loss: 'training',
  nesterov: 'training',
  beta1: 'training',
  beta2: 'training',
  epsilon: 'training',
  dynamicLossScale: 'training',
  lossScaleInterval: 'training',
  schedule: 'mbs',
  objective: 'mbs',
  gathers: 'mbs',
  fusedUpdates: 'mbs',
};

/** The flags of the command line that steer a pass up to `after`, which an IR file is past. */
export function settledOptions(command: Command, after: string): string[] {
  return command.options
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .filter((option) => Object.entries(STEERS).some(([name, pass]) => name === option.attributeName() && isPast(pass, after)))
    .map((option) => option.long ?? option.flags);
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number, at least 1.');
  return value;
}

export function finite(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

export function positive(text: string): number {
  const value = finite(text);
  if (value <= 0) throw new InvalidArgumentError('It must be above 0.');
  return value;
}

function bindDimension(text: string, bound: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const [name, size] = nameAndValue(text);
  return { ...bound, [name]: positiveInteger(size) };
}

/** `NAME=VALUE`, cut at the first `=`. */
export function nameAndValue(text: string): [name: string, value: string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError('It must have the form NAME=VALUE.');
  return [text.slice(0, at), text.slice(at + 1)];
}

function normChoice(text: string): NormChoice {
  const norm = parseNorm(text);
  if (norm === undefined) throw new InvalidArgumentError('It must be keep, gn or gn:CHANNELS_PER_GROUP.');
  return norm;
}
