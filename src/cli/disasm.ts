import type { Command } from 'commander';
import { decodeProgram, disassemble } from '../../backends/wavecore/index.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, type CommonOptions } from './options.ts';
import { printJson, printText } from './output.ts';

const EXAMPLES = `
Examples:
  $ wavec disasm resnet50.wvc | head -40
  $ wavec disasm resnet50.wvc --json > code.json`;

export function disasmCommand(program: Command): void {
  const command = program
    .command('disasm')
    .summary('print the code of a program')
    .description('Prints the code of a program as assembly text, with the layer and ONNX node of every part.')
    .argument('<OUT.wvc>', 'the program');
  addCommonOptions(command).addHelpText('after', EXAMPLES).action(disasm);
}

function disasm(file: string, options: CommonOptions): void {
  const program = decodeProgram(readBytes(file), file);
  if (options.json) printJson({ model: program.model, code: program.code, layers: program.debug });
  else printText(disassemble(program));
}
