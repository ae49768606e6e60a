import { type Command, Option } from 'commander';
import { decodeProgram } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { PASSES } from '../../passes/pipeline.ts';
import { programReport, programSummary } from '../report/program-report.ts';
import { STAGE_FORMATS, type StageFormat, stageText } from '../report/stage.ts';
import { drawSvg } from '../report/svg.ts';
import { checkPass } from './compile.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, addModelOptions, addScheduleOption, type ModelOptions } from './options.ts';
import { printJson, printText } from './output.ts';
import { isProgramFile } from './program-file.ts';
import { openSource, type Source } from './source.ts';

interface InspectOptions extends ModelOptions {
  readonly after?: string;
  readonly format: StageFormat;
}

const EXAMPLES = `
Examples:
  $ wavec inspect resnet50.onnx                                   the forward layers as imported
  $ wavec inspect resnet50.onnx --after training --batch 8        with backward and update layers
  $ wavec inspect resnet50.onnx --after mbs --schedule mbs1       with the schedule
  $ wavec inspect resnet50.onnx --after mbs --format table        cost of every layer
  $ wavec inspect resnet50.onnx --after mbs --format svg > a.svg  a drawing, groups as boxes
  $ wavec inspect ir/3-mbs.wir --format table                     an IR file that compile --dump-ir wrote
  $ wavec inspect resnet50.wvc                                    what a program holds

Passes: ${PASSES.map((p) => p.name).join(', ')}.`;

export function inspectCommand(program: Command): void {
  const command = program
    .command('inspect')
    .summary('show the layer IR of a model, or what a program holds')
    .description('Shows the layer IR of a model or IR file after a pass, with the schedule once it is made; or what a program holds.')
    .argument('<FILE>', 'a model (.onnx), IR file (.wir) or program (.wvc)')
    .option('--after <PASS>', 'the pass to show the IR after (default: import, or that of the IR file)');
  addCommonOptions(addModelOptions(addScheduleOption(command)))
    .addOption(new Option('--format <format>', 'form of the output').choices(STAGE_FORMATS).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(inspect);
}

async function inspect(file: string, options: InspectOptions, command: Command): Promise<void> {
  const { after, json } = options;
  const format = json ? 'json' : options.format;
  checkPass(after);
  const bytes = readBytes(file);
  if (isProgramFile(bytes)) inspectProgram(file, bytes, after, format);
  else printText(await inspectStage(openSource(file, bytes, options, command), after, format));
}

async function inspectStage(source: Source, wanted: string | undefined, format: StageFormat): Promise<string> {
  const after = wanted ?? source.after ?? 'import';
  const state = source.run({ stopAfter: after });
  const stage = { after, state, settings: source.settings, model: source.modelFrom('.') };
  return format === 'svg' ? drawSvg(stageText(stage, 'dot')) : stageText(stage, format);
}

function inspectProgram(file: string, bytes: Uint8Array, after: string | undefined, format: StageFormat): void {
  if (after !== undefined) fail(diag.usage({ file }, 'a program has no passes; --after is for models'), 2);
  if (format === 'dot' || format === 'svg') fail(diag.usage({ file }, 'a program has no graph to draw; give the model'), 2);
  const summary = programSummary(decodeProgram(bytes, file));
  if (format === 'json') printJson(summary);
  else printText(programReport(summary));
}
