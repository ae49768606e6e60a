import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import { sheetCsv, sheetMarkdown, sheetText } from '../report/sheet.ts';
import { jobsOf } from '../reproduce/matrix.ts';
import { NETWORKS } from '../reproduce/networks.ts';
import { reproductionSheets } from '../reproduce/report.ts';
import { SOURCED } from '../reproduce/sourced.ts';
import { schedules } from './compare.ts';
import { makeDirectory, readMachine, writeFile } from './files.ts';
import { addCommonOptions, type CommonOptions, positiveInteger } from './options.ts';
import { printJson, printText } from './output.ts';
import { progress } from './progress.ts';
import { runJobs } from './reproduce-jobs.ts';
import { BUNDLED_MODELS } from './reproduce-models.ts';

interface ReproduceOptions extends CommonOptions {
  readonly networks: readonly string[];
  readonly schedules: readonly ScheduleName[];
  readonly models: string;
  readonly machine: string;
  readonly batch?: number;
  readonly sweeps: boolean;
  readonly jobs: number;
  readonly out?: string;
}

const NAMES = NETWORKS.map(({ name }) => name);

const EXAMPLES = `
Examples:
  $ wavec reproduce --out results                      everything; writes results/reproduction.md, .json and a CSV a table
  $ wavec reproduce --networks resnet50 --no-sweeps    one network, the default machine alone
  $ wavec reproduce --networks alexnet,resnet50 --schedules mbs2 --json > runs.json

Every run is executed in timing mode, and its traffic must equal the prediction. Samples a core without --batch: 64 of
AlexNet, 32 of all others, 128 in the follow-up comparison. A network is the file NAME.train.onnx of the folder of the models.
The published figures that stand beside the results are marked as sourced. The same input gives the same files to the byte.`;

export function reproduceCommand(program: Command): void {
  const command = program
    .command('reproduce')
    .summary('the evaluation of mini-batch serialization, all networks and schedules')
    .description(
      'Compiles and executes the networks of the evaluation under all schedules, with sweeps over buffer size and memory, and prints the tables beside the published figures.',
    )
    .addOption(new Option('--networks <a,b,c>', 'the networks').argParser(names).default(NAMES, NAMES.join(', ')))
    .addOption(
      new Option('--schedules <all|a,b,c>', 'the schedules; baseline is always run').argParser(schedules).default(SCHEDULES, 'all'),
    )
    .addOption(new Option('--models <DIR>', 'the folder of the models').default(BUNDLED_MODELS, 'the bundled ones'))
    .option('--machine <FILE|preset>', 'the machine that the sweeps vary', 'wavecore')
    .option('--batch <N>', 'samples a core of every network (default: those of the evaluation)', positiveInteger)
    .option('--no-sweeps', 'leave out other buffers, other memories, and the mini-batch of the follow-up comparison')
    .addOption(
      new Option('--jobs <N>', 'runs at the same time, each in a process')
        .argParser(positiveInteger)
        .default(availableParallelism(), 'one a core of the host'),
    )
    .option('--out <DIR>', 'write the tables to this directory: Markdown, JSON, CSV');
  addCommonOptions(command).addHelpText('after', EXAMPLES).action(reproduce);
}

function names(text: string): readonly string[] {
  const given = text.split(',').map((name) => name.trim());
  if (given.some((name) => !/^[\w.-]+$/.test(name))) throw new InvalidArgumentError('It must be names of networks, apart by commas.');
  return [...new Set(given)];
}

async function reproduce(options: ReproduceOptions): Promise<void> {
  const { networks, models, batch, sweeps, out } = options;
  const machine = readMachine(options.machine);
  const jobs = jobsOf({ networks, schedules: options.schedules, machine, sweeps, ...(batch === undefined ? {} : { batch }) });
  const shown = progress();
  const records = await runJobs(jobs, models, options.jobs, shown).finally(() => shown.done());
  const sheets = reproductionSheets(records);
  const document = { machine, sourced: SOURCED, runs: records };
  if (out !== undefined) {
    makeDirectory(out);
    writeFile(join(out, 'reproduction.md'), `# Mini-batch serialization, reproduced\n\n${sheets.map(sheetMarkdown).join('\n\n')}\n`);
    writeFile(join(out, 'reproduction.json'), `${JSON.stringify(document, undefined, 2)}\n`);
    for (const sheet of sheets) writeFile(join(out, `${sheet.name}.csv`), sheetCsv(sheet));
  }
  if (options.json) printJson(document);
  else printText(sheets.map(sheetText).join('\n\n\n'));
}
