import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { encodeProgram } from '../../backends/wavecore/index.ts';
import { diag, fail } from '../../ir/diagnostics.ts';
import { type CompileState, PASSES } from '../../passes/pipeline.ts';
import { generateProgram, type ResolvedSettings, resolveSettings, runPasses } from '../api.ts';
import { compileReport, compileSummary, type PassTime } from '../report/compilation.ts';
import { stateText } from '../report/state.ts';
import { makeDirectory, readBytes, writeFile } from './files.ts';
import { addCommonOptions, addModelOptions, addScheduleOption, type ModelOptions, settingsOf } from './options.ts';
import { printJson, printText } from './output.ts';
import { type Progress, progress } from './progress.ts';

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
  $ wavec compile resnet50.onnx --dump-ir ir/                write the layer IR after every pass

Passes: ${PASSES.map((p) => p.name).join(', ')}.`;

export function compileCommand(program: Command): void {
  const command = program
    .command('compile')
    .summary('compile an ONNX model to a WaveCore program')
    .description('Compiles an ONNX model to a WaveCore program: derives the training step, schedules it, emits microcode.')
    .argument('<MODEL.onnx>', 'the model');
  addCommonOptions(addModelOptions(addScheduleOption(command)))
    .option('-o, --output <OUT.wvc>', 'the program (default: the name of the model with .wvc)')
    .option('--stop-after <PASS>', 'stop after this pass, and print the IR instead of writing a program')
    .option('--dump-ir <DIR>', 'write the IR after every pass to this directory')
    .addHelpText('after', EXAMPLES)
    .action(compile);
}

function compile(model: string, options: CompileCommandOptions): void {
  const { stopAfter, output = `${basename(model, '.onnx')}.wvc` } = options;
  checkPass(stopAfter);
  const settings = resolveSettings(settingsOf(model, options));
  const shown = progress();
  try {
    const times: PassTime[] = [];
    const state = runDumped(readBytes(model), settings, options, shown, times);
    if (stopAfter !== undefined) {
      shown.done();
      const text = stateText(state, options.json ? 'json' : 'text');
      if (options.output === undefined) printText(text);
      else writeFile(options.output, text);
      return;
    }
    shown.show('generating the program');
    const compiled = generateProgram(state, settings);
    const bytes = encodeProgram(compiled);
    writeFile(output, bytes);
    shown.done();
    const summary = compileSummary(compiled, state, settings, { file: output, bytes: bytes.length }, times);
    if (options.json) printJson(summary);
    else printText(compileReport(summary));
  } finally {
    shown.done();
  }
}

function runDumped(
  model: Uint8Array,
  settings: ResolvedSettings,
  options: CompileCommandOptions,
  shown: Progress,
  times: PassTime[],
): CompileState {
  const { dumpIr, stopAfter } = options;
  if (dumpIr !== undefined) makeDirectory(dumpIr);
  shown.show('importing the model');
  return runPasses(model, settings, {
    ...(stopAfter === undefined ? {} : { stopAfter }),
    onPass: (pass, state, milliseconds) => {
      shown.show(`${pass.name}: ${pass.doc}`);
      times.push({ pass: pass.name, milliseconds });
      const name = `${PASSES.indexOf(pass)}-${pass.name}.ir`;
      if (dumpIr !== undefined) writeFile(join(dumpIr, name), stateText(state, 'text'));
    },
  });
}

/** @throws WavecError USAGE where there is no such pass */
export function checkPass(name: string | undefined): void {
  const known = PASSES.map((p) => p.name);
  if (name !== undefined && !known.includes(name))
    fail(diag.usage({}, `there is no pass '${name}'; the passes are ${known.join(', ')}`), 2);
}
