import { Command, CommanderError } from 'commander';
import { asmCommand } from './asm.ts';
import { compareCommand } from './compare.ts';
import { compileCommand } from './compile.ts';
import { debugCommand } from './debug.ts';
import { disasmCommand } from './disasm.ts';
import { dumpCommand } from './dump.ts';
import { inspectCommand } from './inspect.ts';
import { reportError } from './problems.ts';
import { reproduceCommand } from './reproduce.ts';
import { runCommand } from './run.ts';
import { statCommand } from './stat.ts';
import { trainCommand } from './train.ts';
import { VERSION } from './version.ts';

const INTRODUCTION =
  'Compiles the training step of an ONNX CNN, scheduled by mini-batch serialization, to WaveCore microcode, ' +
  'and executes that microcode bit-true, counting DRAM traffic, cycles and energy.';

const EXAMPLES = `
Examples:
  $ wavec compile resnet50.onnx -o resnet50.wvc      compile a training step with schedule mbs2
  $ wavec run resnet50.wvc --mode timing --verify    execute it: traffic, cycles, energy
  $ wavec compare resnet50.onnx                      all schedules in one table
  $ wavec reproduce --out results                    all networks, schedules and sweeps of the evaluation
  $ wavec train net.onnx --data images/ --steps 200  train it on the interpreter
  $ wavec inspect resnet50.onnx --after training     the layer IR after a pass
  $ wavec help compile                               options and examples of a subcommand

Exit codes: 0 success, 1 the input's fault, 2 wrong usage.`;

const USAGE = 2;

/** Runs one command line and returns its exit code; every error ends here as a message. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  try {
    await commands().parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed its message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    return reportError(error, argv.includes('--debug'));
  }
}

function commands(): Command {
  const program = new Command('wavec')
    .description(INTRODUCTION)
    .version(VERSION)
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('wavec --help shows the subcommands, wavec help SUBCOMMAND its options.')
    .exitOverride();
  for (const add of [
    compileCommand,
    inspectCommand,
    disasmCommand,
    asmCommand,
    dumpCommand,
    statCommand,
    runCommand,
    compareCommand,
    reproduceCommand,
    trainCommand,
    debugCommand,
  ])
    add(program);
  return program;
}
