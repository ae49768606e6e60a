import { dirname, relative } from 'node:path';
import type { Command } from 'commander';
import { decodeProgram, disassemble } from '../../backends/wavecore/index.ts';
import { readBytes, writeFile } from './files.ts';
import { addCommonOptions, type CommonOptions } from './options.ts';
import { printJson, printText } from './output.ts';

interface DisasmOptions extends CommonOptions {
  readonly output?: string;
}

const EXAMPLES = `
Examples:
  $ wavec disasm resnet50.wvc | head -40
  $ wavec disasm resnet50.wvc -o resnet50.wvs
  $ wavec disasm resnet50.wvc --json > code.json

wavec asm reads the text back to the same file. Initial values of more than 16 numbers are not in the text: it names the
program file, where they lie in it, and their checksum.`;

export function disasmCommand(program: Command): void {
  const command = program
    .command('disasm')
    .summary('print a program as assembly text')
    .description('Prints a program as assembly text, with the layer and ONNX node of every part of its code.')
    .argument('<OUT.wvc>', 'the program');
  addCommonOptions(command)
    .option('-o, --output <FILE>', 'write the text to this file (default: standard output)')
    .addHelpText('after', EXAMPLES)
    .action(disasm);
}

function disasm(file: string, { json, output }: DisasmOptions): void {
  const bytes = readBytes(file);
  const program = decodeProgram(bytes, file);
  if (json) {
    printJson({ model: program.model, code: program.code, layers: program.debug });
    return;
  }
  const text = disassemble(program, { source: { name: nameFrom(output, file), bytes } });
  if (output === undefined) printText(text);
  else writeFile(output, text);
}

/** How the text names the program file: from where the text lies, with slashes. */
function nameFrom(output: string | undefined, file: string): string {
  return relative(output === undefined ? '.' : dirname(output), file).replaceAll('\\', '/');
}
