import { basename, dirname, join } from 'node:path';
import type { Command } from 'commander';
import { encodeProgram } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { type CompileState, PASSES } from '../../passes/pipeline.ts';
import { generateProgram } from '../api.ts';
import { compileReport, compileSummary, type PassTime } from '../report/compilation.ts';
import { stageText } from '../report/stage.ts';
import { makeDirectory, readBytes, writeFile } from './files.ts';
import { addCommonOptions, addModelOptions, addScheduleOption, type ModelOptions } from './options.ts';
import { printJson, printText } from './output.ts';
import { type Progress, progress } from './progress.ts';
import { openSource, type Source } from './source.ts';

interface CompileCommandOptions extends ModelOptions {
  readonly output?: string;
  readonly stopAfter?: string;
  readonly dumpIr?: string;
}

const EXAMPLES = `
Examples:
  $ wavec compile resnet50.onnx -o resnet50.wvc
  $ wavec compile resnet50.onnx --schedule baseline --batch 16
  $ wavec compile resnet50.onnx --mode inference --batch 8
  $ wavec compile resnet50.onnx --machine my-machine.yaml --norm gn:32 --optimizer sgd
  $ wavec compile resnet50.onnx --stop-after training        print the layer IR after that pass
  $ wavec compile resnet50.onnx --dump-ir ir/                write the IR after every pass: 0-import.wir to 3-mbs.wir
  $ wavec compile ir/3-mbs.wir -o edited.wvc                 compile the IR, edited by hand

Passes: ${PASSES.map((p) => p.name).join(', ')}.`;

export function compileCommand(program: Command): void {
  const command = program
    .command('compile')
    .summary('compile an ONNX model to a WaveCore program')
    .description(
      'Compiles an ONNX model to a WaveCore program: derives the training step, schedules it, emits microcode. ' +
        'An IR file that --dump-ir or --stop-after wrote, edited or not, is compiled from the pass it is after; ' +
        'its constants come from the model that its first line names.',
    )
    .argument('<MODEL.onnx|GRAPH.wir>', 'the model or IR file');
  addCommonOptions(addModelOptions(addScheduleOption(command)))
    .option('-o, --output <OUT.wvc>', 'the program (default: the name of the model with .wvc)')
    .option('--stop-after <PASS>', 'stop after this pass, and print the IR instead of writing a program')
    .option('--dump-ir <DIR>', 'write the IR after every pass to this directory')
    .addHelpText('after', EXAMPLES)
    .action(compile);
}

function compile(file: string, options: CompileCommandOptions, command: Command): void {
  const { stopAfter, output = `${basename(file).replace(/\.(onnx|wir)$/, '')}.wvc` } = options;
  checkPass(stopAfter);
  const shown = progress();
  try {
    shown.show('reading the model');
    const source = openSource(file, readBytes(file), options, command);
    const { settings } = source;
    const times: PassTime[] = [];
    const state = runDumped(source, options, shown, times);
    if (stopAfter !== undefined) {
      shown.done();
      const model = source.modelFrom(options.output === undefined ? '.' : dirname(options.output));
      const text = stageText({ after: stopAfter, state, settings, model }, options.json ? 'json' : 'text');
      if (options.output === undefined) printText(text);
      else writeFile(options.output, text);
      return;
    }
    shown.show('generating the program');
    const compiled = generateProgram(state, settings);
    const bytes = encodeProgram(compiled);
    writeFile(output, bytes);
    shown.done();
    const summary = compileSummary(compiled, state, settings, { file: output, bytes: bytes.length }, times, source.elidedBecause);
    if (options.json) printJson(summary);
    else printText(compileReport(summary));
  } finally {
    shown.done();
  }
}

function runDumped(source: Source, options: CompileCommandOptions, shown: Progress, times: PassTime[]): CompileState {
  const { dumpIr, stopAfter } = options;
  if (dumpIr !== undefined) makeDirectory(dumpIr);
  return source.run({
    ...(stopAfter === undefined ? {} : { stopAfter }),
    onPass: (pass, state, milliseconds) => {
      shown.show(`${pass.name}: ${pass.doc}`);
      times.push({ pass: pass.name, milliseconds });
      if (dumpIr === undefined) return;
      const stage = { after: pass.name, state, settings: source.settings, model: source.modelFrom(dumpIr) };
      writeFile(join(dumpIr, `${PASSES.indexOf(pass)}-${pass.name}.wir`), stageText(stage, 'text'));
    },
  });
}

/** @throws WavecError USAGE where there is no such pass */
export function checkPass(name: string | undefined): void {
  const known = PASSES.map((p) => p.name);
  if (name !== undefined && !known.includes(name))
    fail(diag.usage({}, `there is no pass '${name}'; the passes are ${known.join(', ')}`), 2);
}
