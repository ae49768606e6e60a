import { type Command, Option } from 'commander';
import { decodeProgram } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { PASSES } from '../../passes/pipeline.ts';
import { resolveSettings, runPasses } from '../api.ts';
import { programReport, programSummary } from '../report/program-report.ts';
import { STATE_FORMATS, type StateFormat, stateText } from '../report/state.ts';
import { checkPass } from './compile.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, addModelOptions, addScheduleOption, type ModelOptions, settingsOf } from './options.ts';
import { printJson, printText } from './output.ts';
import { isProgramFile } from './program-file.ts';

interface InspectOptions extends ModelOptions {
  readonly after?: string;
  readonly format: StateFormat;
}

const EXAMPLES = `
Examples:
  $ wavec inspect resnet50.onnx                                   the forward layers as imported
  $ wavec inspect resnet50.onnx --after training --batch 8        with backward and update layers
  $ wavec inspect resnet50.onnx --after mbs --schedule mbs1       with the schedule
  $ wavec inspect resnet50.onnx --format dot | dot -Tsvg > a.svg  a drawing
  $ wavec inspect resnet50.wvc                                    what a program holds

Passes: ${PASSES.map((p) => p.name).join(', ')}.`;

export function inspectCommand(program: Command): void {
  const command = program
    .command('inspect')
    .summary('show the layer IR of a model, or what a program holds')
    .description('Shows the layer IR of a model after a pass, with the schedule once it is made; or what a program holds.')
    .argument('<MODEL.onnx|OUT.wvc>', 'the model or program')
    .option('--after <PASS>', 'the pass to show the IR after (default: import)');
  addCommonOptions(addModelOptions(addScheduleOption(command)))
    .addOption(new Option('--format <format>', 'form of the output').choices(STATE_FORMATS).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(inspect);
}

function inspect(file: string, options: InspectOptions): void {
  const { after, json } = options;
  const format = json ? 'json' : options.format;
  checkPass(after);
  const bytes = readBytes(file);
  if (!isProgramFile(bytes)) {
    printText(stateText(runPasses(bytes, resolveSettings(settingsOf(file, options)), { stopAfter: after ?? 'import' }), format));
    return;
  }
  if (after !== undefined) fail(diag.usage({ file }, 'a program has no passes; --after is for models'), 2);
  if (format === 'dot') fail(diag.usage({ file }, 'a program has no graph to draw; give the model'), 2);
  const summary = programSummary(decodeProgram(bytes, file));
  if (format === 'json') printJson(summary);
  else printText(programReport(summary));
}
