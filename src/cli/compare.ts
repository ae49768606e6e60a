import { type Command, InvalidArgumentError, Option } from 'commander';
import { run } from '../../backends/wavecore/index.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import { generateProgram, resolveSettings, runPasses } from '../api.ts';
import { normOf } from '../norm.ts';
import { type ComparedRun, comparisonOf, comparisonReport } from '../report/comparison.ts';
import { runSummary } from '../report/run-summary.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, addModelOptions, addObjectiveOption, type ModelOptions, settingsOf } from './options.ts';
import { printJson, printText } from './output.ts';
import { progress } from './progress.ts';

interface CompareOptions extends ModelOptions {
  readonly schedules: readonly ScheduleName[];
}

const EXAMPLES = `
Examples:
  $ wavec compare resnet50.onnx
  $ wavec compare resnet50.onnx --schedules mbs1,mbs2 --batch 16
  $ wavec compare resnet50.onnx --machine wavecore-lpddr4 --json > comparison.json

Schedules: ${SCHEDULES.join(', ')}. baseline is always run, as the reference.`;

export function compareCommand(program: Command): void {
  const command = program
    .command('compare')
    .summary('run all schedules of a model, in one table')
    .description('Compiles a model with several schedules, executes each program in timing mode, and compares traffic, time and energy.')
    .argument('<MODEL.onnx>', 'the model')
    .addOption(new Option('--schedules <all|a,b,c>', 'the schedules to compare').argParser(schedules).default(SCHEDULES, 'all'));
  addCommonOptions(addObjectiveOption(addModelOptions(command)))
    .addHelpText('after', EXAMPLES)
    .action(compare);
}

/** The schedules of a comma-separated list, in the order of their definition, with the reference. */
export function schedules(text: string): readonly ScheduleName[] {
  if (text === 'all') return SCHEDULES;
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !SCHEDULES.some((s) => s === name));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`There is no schedule '${unknown.join("', '")}'; known are ${SCHEDULES.join(', ')}.`);
  return SCHEDULES.filter((s) => s === 'baseline' || names.includes(s));
}

function compare(file: string, { schedules: chosen, ...options }: CompareOptions): void {
  const model = readBytes(file);
  const given = settingsOf(file, options);
  const shown = progress();
  const runs: ComparedRun[] = [];
  try {
    for (const schedule of chosen) {
      shown.show(`${schedule}: compiling`);
      const settings = resolveSettings({ ...given, schedule });
      const state = runPasses(model, settings);
      const program = generateProgram(state, settings);
      shown.show(`${schedule}: running`);
      runs.push({ ...runSummary(program, run(program, { mode: 'timing' })), norm: normOf(state.graph, settings.norm) });
    }
  } finally {
    shown.done();
  }
  const comparison = comparisonOf(runs);
  if (options.json) printJson(comparison);
  else printText(comparisonReport(comparison));
}
