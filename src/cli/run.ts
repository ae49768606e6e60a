import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  decodeProgram,
  missingValues,
  type Program,
  type RunMode,
  type RunOptions,
  type RunResult,
  run,
  verify,
} from '../../backends/wavecore/index.ts';
import { type Diagnostic, diag, fail, quote, WavecError } from '../../ir/diagnostics.ts';
import { formatType } from '../../ir/tensor.ts';
import { MAX_THREADS, nodeThreads } from '../node/threads.ts';
import { bothObservers, LayerRecorder, layerRunSheet } from '../report/layer-run.ts';
import { runReport } from '../report/run-report.ts';
import { runSummary } from '../report/run-summary.ts';
import { sheetCsv, sheetText } from '../report/sheet.ts';
import { countText } from '../report/units.ts';
import { writeNpy } from '../tensor-file/npy.ts';
import { writeTensorPb } from '../tensor-file/pb.ts';
import { inputBytes, outputTensor, readTensorFile } from '../tensors.ts';
import { makeDirectory, readBytes, writeFile } from './files.ts';
import { addCommonOptions, type CommonOptions, nameAndValue, positiveInteger } from './options.ts';
import { printJson, printText } from './output.ts';
import { progress } from './progress.ts';
import { addTraceOptions, recorderOf, type TraceCommandOptions, traceReport, writeTrace } from './trace.ts';

interface RunCommandOptions extends CommonOptions, TraceCommandOptions {
  readonly mode?: RunMode;
  readonly input: readonly (readonly [name: string, file: string])[];
  readonly output?: string;
  readonly outputFormat: 'npy' | 'pb';
  readonly verify?: boolean;
  readonly check?: boolean;
  readonly threads?: number;
  readonly layers?: boolean;
  readonly format: 'text' | 'csv';
}

const EXAMPLES = `
Examples:
  $ wavec run resnet50.wvc --mode timing --verify
  $ wavec run resnet50.wvc --mode timing --json > run.json
  $ wavec run resnet50.wvc --layers                    what every layer took, and what limits it
  $ wavec run resnet50.wvc --layers --format csv > layers.csv
  $ wavec run resnet50.wvc --check
  $ wavec run resnet50.wvc --trace run.json            see it in ui.perfetto.dev
  $ wavec run resnet50.wvc --trace run.json --trace-window 10ms:12ms
  $ wavec run net.wvc --input data=images.npy --input labels=labels.npy --output results/

Without --mode, a run with --input or --output computes every tensor (functional), any other counts only (timing);
the counts are the same.`;

export function runCommand(program: Command): void {
  const command = program
    .command('run')
    .summary('execute a program: traffic, cycles, energy, tensors')
    .description('Executes a program on the interpreter and counts DRAM traffic, cycles and energy.')
    .argument('<OUT.wvc>', 'the program');
  addCommonOptions(command)
    .addOption(new Option('--mode <mode>', 'compute every tensor, or count only').choices(['functional', 'timing']))
    .addOption(
      new Option('--input <NAME=FILE>', 'value of an input, .npy or ONNX TensorProto .pb; may be repeated')
        .argParser(addInput)
        .default([], 'none'),
    )
    .option('--output <DIR>', 'write the outputs to this directory')
    .addOption(new Option('--output-format <format>', 'form of the outputs').choices(['npy', 'pb']).default('npy'))
    .option('--verify', 'compare the counted traffic with the prediction of the compiler; a difference fails the run')
    .option('--check', 'judge every memory access: uninitialized, misplaced, unordered; a finding fails the run')
    .option('--layers', 'also show every layer: cycles, array use, traffic, what limits it')
    .addOption(
      new Option('--format <format>', 'form of the output; csv: the table of --layers alone').choices(['text', 'csv']).default('text'),
    )
    .option('--threads <N>', 'threads that compute tensors; the results do not depend on them (default: one a core)', threadCount);
  addTraceOptions(command).addHelpText('after', EXAMPLES).action(execute);
}

function addInput(text: string, given: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  return [...given, nameAndValue(text)];
}

function threadCount(text: string): number {
  const count = positiveInteger(text);
  if (count > MAX_THREADS) throw new InvalidArgumentError(`It must be at most ${MAX_THREADS}.`);
  return count;
}

function execute(file: string, options: RunCommandOptions): void {
  const wantsTensors = options.input.length > 0 || options.output !== undefined;
  const mode = options.mode ?? (wantsTensors ? 'functional' : 'timing');
  if (mode === 'timing' && wantsTensors) {
    fail(diag.usage({}, 'a run in timing mode has no tensors; --input and --output go with --mode functional'), 2);
  }
  if (options.format === 'csv' && !options.layers) fail(diag.usage({}, '--format csv is for the table of --layers'), 2);
  const program = decodeProgram(readBytes(file), file);
  const lack = mode === 'functional' ? missingValues(program) : undefined;
  if (lack !== undefined) fail(lack);
  const inputs = mode === 'functional' ? readInputs(program, options.input) : new Map<string, Uint8Array>();
  const recorder = recorderOf(program, options);
  const layerRecorder = options.layers ? new LayerRecorder(program) : undefined;
  const result = runWith(program, {
    mode,
    inputs,
    threads: nodeThreads(options.threads),
    check: options.check === true,
    observer: bothObservers(recorder, layerRecorder),
  });
  if (options.output !== undefined) writeOutputs(result, options.output, options.outputFormat);
  const trace = recorder && options.trace !== undefined ? writeTrace(options.trace, recorder, result) : undefined;
  const verification = options.verify ? verify(program, result) : undefined;
  const summary = runSummary(program, result, verification);
  const layers = layerRecorder?.layers(result);
  const sheet = layers && layerRunSheet(layers, result);
  if (options.json) printJson({ ...summary, ...(layers === undefined ? {} : { layers }), ...(trace === undefined ? {} : { trace }) });
  else if (sheet !== undefined && options.format === 'csv') printText(sheetCsv(sheet));
  else {
    const parts = [
      runReport(summary),
      ...(sheet === undefined ? [] : [sheetText(sheet)]),
      ...(trace === undefined ? [] : [traceReport(trace)]),
    ];
    printText(parts.join('\n\n'));
  }
  const { findings = [], more = 0 } = result.check ?? {};
  if (findings.length > 0) throw new WavecError(more > 0 ? [...findings, diag.moreFindings({ file }, more)] : findings);
  const [difference] = verification?.problems ?? [];
  if (difference !== undefined) fail(diag.verificationFailed({ file }, difference, (verification?.problems.length ?? 1) - 1));
}

function runWith(program: Program, options: RunOptions): RunResult {
  const shown = progress();
  const text = `running ${program.model} (${options.mode})`;
  shown.show(text);
  try {
    return run(program, {
      ...options,
      onProgress: (count, layer) => shown.show(`${text}: ${countText(count)} instructions, layer ${layer}`),
    });
  } finally {
    shown.done();
  }
}

/** Reads the input files; every input of the program must be given, each once. */
function readInputs(program: Program, given: RunCommandOptions['input']): Map<string, Uint8Array> {
  const wanted = new Map(program.symbols.filter((s) => s.role === 'input').map((s) => [s.name, s]));
  const values = new Map<string, Uint8Array>();
  const problems: Diagnostic[] = [];
  for (const [name, file] of given) {
    const symbol = wanted.get(name);
    if (symbol === undefined) problems.push(diag.unknownInput({ tensor: name }, [...wanted.keys()].map(quote).join(', ')));
    else values.set(name, inputBytes(symbol, readTensorFile(readBytes(file), file), file));
  }
  for (const [name, symbol] of wanted) {
    if (!values.has(name)) problems.push(diag.missingInput({ tensor: name }, formatType(symbol)));
  }
  if (problems.length > 0) throw new WavecError(problems);
  return values;
}

function writeOutputs(result: RunResult, directory: string, format: 'npy' | 'pb'): void {
  makeDirectory(directory);
  const used = new Set<string>();
  for (const [name, { dtype, shape, bytes }] of result.outputs) {
    const tensor = outputTensor(dtype, shape, bytes);
    const file = `${fileName(name, used)}.${format}`;
    writeFile(join(directory, file), format === 'npy' ? writeNpy(tensor) : writeTensorPb({ name, ...tensor }));
  }
}

/** A tensor's name as a file name: what a file system may not take becomes `_`; a name that is taken gets a number. */
function fileName(tensor: string, used: Set<string>): string {
  const base = tensor.replace(/[^\w.-]/g, '_').replace(/^\.+/, '_');
  let name = base;
  for (let i = 2; used.has(name); i++) name = `${base}-${i}`;
  used.add(name);
  return name;
}
