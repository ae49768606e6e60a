import type { DataSet } from '../train/data-set.ts';
import type { StepReport, Trainer } from '../train/trainer.ts';
import { fields } from './table.ts';
import { bytesText, countText, joulesText, shareText } from './units.ts';

/** One training step as JSON: bytes, joules, of one core. */
export interface StepSummary extends Omit<StepReport, 'run'> {
  readonly cycles: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly energyJ: number;
}

export function stepSummary({ run, ...step }: StepReport): StepSummary {
  return { ...step, cycles: run.cycles, readBytes: run.traffic.read, writtenBytes: run.traffic.write, energyJ: run.energy.total };
}

/** What is trained, before the first step. */
export function trainingHead({ program, settings, data, steps, stepsAnEpoch, step }: Trainer): string {
  const { optimizer, dynamicLossScale, norm, machine } = settings;
  return fields([
    ['model', program.model],
    ['data', `${countText(data.count)} samples of ${data.shape.join('x')} from ${data.name}`],
    ['step', `${program.batch} samples a core, ${countText(stepsAnEpoch)} steps an epoch`],
    ['schedule', program.schedule],
    ['norm', norm.kind === 'keep' ? 'keep' : `gn:${norm.channelsPerGroup}`],
    ['optimizer', `${optimizer}, ${dynamicLossScale ? 'dynamic' : 'fixed'} loss scale`],
    ['machine', machine.name],
    ['steps', step === 0 ? countText(steps) : `${countText(steps)}, of which ${countText(step)} are done`],
  ]);
}

/** The lines of a training are printed as they come, so that their columns have fixed widths. */
const COLUMNS: readonly (readonly [head: string, width: number, cell: (step: StepSummary) => string])[] = [
  ['step', 6, (s) => countText(s.step)],
  ['epoch', 6, (s) => countText(s.epoch)],
  ['loss', 8, (s) => s.loss.toFixed(4)],
  ['accuracy', 9, (s) => (s.accuracy === undefined ? '' : shareText(s.accuracy, 1))],
  ['learning rate', 14, (s) => s.learningRate.toPrecision(3)],
  ['loss scale', 11, (s) => (s.skipped ? `${s.lossScale}!` : `${s.lossScale}`)],
  ['cycles', 13, (s) => countText(s.cycles)],
  ['read', 11, (s) => bytesText(s.readBytes)],
  ['written', 11, (s) => bytesText(s.writtenBytes)],
  ['energy', 12, (s) => joulesText(s.energyJ)],
];

export function stepHead(): string {
  return COLUMNS.map(([head, width]) => head.padStart(width)).join(' ');
}

/** One line; `!` behind a loss scale marks a step that was left out because its gradients overflowed. */
export function stepLine(step: StepSummary): string {
  return COLUMNS.map(([, width, cell]) => cell(step).padStart(width)).join(' ');
}

export function evaluationLine(accuracy: number, { count, name }: DataSet): string {
  return `accuracy  ${shareText(accuracy, 1)} of ${countText(count)} samples from ${name}`;
}
