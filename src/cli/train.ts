import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { diag, fail } from '../../ir/diagnostics.ts';
import { evaluationLine, type StepSummary, stepHead, stepLine, stepSummary, trainingHead } from '../report/training.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../train/checkpoint.ts';
import { parseRateShape, type RateShape } from '../train/rate.ts';
import { Trainer, type TrainingPlan } from '../train/trainer.ts';
import { DATA_LAYOUTS, readDataSet } from './data-set.ts';
import { makeDirectory, readBytes, writeFile } from './files.ts';
import {
  addCommonOptions,
  addNetworkOptions,
  addScheduleOption,
  addStepOptions,
  finite,
  type ModelOptions,
  positive,
  positiveInteger,
  settingsOf,
} from './options.ts';
import { printJson, printText } from './output.ts';
import { progress } from './progress.ts';

interface TrainOptions extends Omit<ModelOptions, 'mode'> {
  readonly data: string;
  readonly eval?: string;
  readonly steps?: number;
  readonly epochs?: number;
  readonly rateSchedule: RateShape;
  readonly warmup: number;
  readonly seed: number;
  readonly mean: number;
  readonly deviation: number;
  readonly save?: string;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly reportEvery: number;
}

const EXAMPLES = `
Examples:
  $ wavec train lenet.onnx --data mnist/train-images-idx3-ubyte --epochs 2 --save trained.onnx
  $ wavec train resnet.onnx --data images/ --steps 500 --batch 32 --checkpoint run/   stops and goes on where it was
  $ wavec train net.onnx --data d/images.npy --eval test/ --steps 300 --optimizer adam --rate-schedule cosine
${DATA_LAYOUTS}`;

export function trainCommand(program: Command): void {
  const command = program
    .command('train')
    .summary('train a model on a data set, step after step on the interpreter')
    .description(
      'Compiles the training step of a model once and runs it on the functional interpreter, step after step: loss, accuracy and counts of each.',
    )
    .argument('<MODEL.onnx>', 'the model, with the values that training starts from')
    .requiredOption('--data <DIR|FILE>', 'the data set (layouts below)')
    .option('--steps <N>', 'training steps, those of a checkpoint included', positiveInteger)
    .option('--epochs <N>', 'the same, in passes over the data set', positiveInteger)
    .option('--eval <DIR|FILE>', 'a data set to measure the accuracy on, at the end')
    .option('--save <OUT.onnx>', 'write the model with its trained values')
    .option('--checkpoint <DIR>', 'keep the state of the training here, and go on from what is there')
    .option('--checkpoint-every <N>', 'steps between checkpoints', positiveInteger, 1)
    .option('--report-every <N>', 'steps between reports', positiveInteger, 1);
  addCommonOptions(addStepOptions(addNetworkOptions(addScheduleOption(command))))
    .addOption(
      new Option('--rate-schedule <constant|cosine|step:N:X>', 'how the learning rate goes: step: times X every N steps')
        .argParser(rateShape)
        .default({ kind: 'constant' }, 'constant'),
    )
    .option('--warmup <N>', 'steps in which the learning rate rises', positiveInteger, 0)
    .option('--seed <N>', 'of the order of the samples', finite, 0)
    .option('--mean <x>', 'subtracted from every element of a sample', finite, 0)
    .option('--deviation <x>', 'what that is divided by', positive, 1)
    .addHelpText('after', EXAMPLES)
    .action(train);
}

function rateShape(text: string): RateShape {
  const shape = parseRateShape(text);
  if (shape === undefined) throw new InvalidArgumentError('It must be constant, cosine or step:STEPS:FACTOR.');
  return shape;
}

/** The file in a checkpoint directory; it is only ever replaced as a whole. */
const CHECKPOINT = 'training.wvck';

function train(model: string, options: TrainOptions): void {
  const { rateSchedule, warmup, seed, mean, deviation, checkpoint, save, json } = options;
  const data = readDataSet(options.data);
  const held = options.eval === undefined ? undefined : readDataSet(options.eval);
  const plan = { length: lengthOf(options), seed, rate: rateSchedule, warmup, scaling: { mean, deviation } };
  const trainer = new Trainer(readBytes(model), settingsOf(model, options), data, plan);
  if (checkpoint !== undefined) resume(trainer, checkpoint);
  if (json !== true) printText(`${trainingHead(trainer)}\n\n${stepHead()}`);
  const steps = runSteps(trainer, options);
  if (save !== undefined) writeFile(save, trainer.save());
  const accuracy = held === undefined ? {} : { accuracy: trainer.accuracy(held) };
  const { program } = trainer;
  if (json === true) printJson({ model: program.model, batch: program.batch, schedule: program.schedule, ...accuracy, steps });
  else if (held !== undefined) printText(`\n${evaluationLine(accuracy.accuracy ?? 0, held)}`);
}

function lengthOf({ steps, epochs }: TrainOptions): TrainingPlan['length'] {
  if (steps !== undefined && epochs === undefined) return { steps };
  if (epochs !== undefined && steps === undefined) return { epochs };
  return fail(diag.usage({}, 'give the length of the training, with --steps or with --epochs'), 2);
}

/** Runs the steps that are left; prints a line for those that are reported, and keeps a checkpoint. */
function runSteps(trainer: Trainer, { json, checkpoint, checkpointEvery, reportEvery }: TrainOptions): StepSummary[] {
  const reported: StepSummary[] = [];
  const shown = progress();
  try {
    while (trainer.step < trainer.steps) {
      shown.show(`step ${trainer.step + 1} of ${trainer.steps}`);
      const summary = stepSummary(trainer.next());
      const last = trainer.step === trainer.steps;
      if (checkpoint !== undefined && (last || trainer.step % checkpointEvery === 0)) keep(trainer, checkpoint);
      if (!last && trainer.step % reportEvery !== 0) continue;
      reported.push(summary);
      shown.done();
      if (json !== true) printText(stepLine(summary));
    }
  } finally {
    shown.done();
  }
  return reported;
}

function resume(trainer: Trainer, directory: string): void {
  makeDirectory(directory);
  const file = join(directory, CHECKPOINT);
  if (existsSync(file)) trainer.restore(decodeCheckpoint(readBytes(file), trainer.draws, { file }));
}

/** Writes the state to a name of its own and then gives it that of the checkpoint: a kill leaves this one or the one before. */
function keep(trainer: Trainer, directory: string): void {
  writeFile(join(directory, CHECKPOINT), encodeCheckpoint(trainer.state(), trainer.draws), join(directory, `${CHECKPOINT}.tmp`));
}
