import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { DIRECTIVES } from '../../backends/wavecore/assembly/directives.ts';
import { assemble, encodeProgram } from '../../backends/wavecore/index.ts';
import { readBytes, readText, writeFile } from './files.ts';
import { addCommonOptions, type CommonOptions } from './options.ts';
import { printJson, printText } from './output.ts';

interface AsmOptions extends CommonOptions {
  readonly output?: string;
}

const HELP = `
Examples:
  $ wavec asm matmul.wvs -o matmul.wvc
  $ wavec disasm net.wvc -o net.wvs && wavec asm net.wvs -o same.wvc    the same bytes again

A line holds one instruction, label or directive; a comment begins with a semicolon:
  .tensor weights, f16[64x128], kind=weight, values=f32(…)
  la r1, &weights + 128              ; the address of a tensor
  la r2, r1*64 + 4096                ; rd, rs*scale + base
  d.ld dram=r1, global=r2, rowBytes=256, rows=1, dramStride=256 wait 3 signal 1
  m.cfg AM=256, AK=128               ; two adjacent slots
  m.cfg4 AM=256, P=14, Q=14          ; up to four slots of 16 bits
  skipz r3, done                     ; up to the label 'done:'
Operands stand in the order of the manual, or by name. Numbers are decimal, 0x…, or f32(1e-5) for the bits of a float.

Directives:
${Object.entries(DIRECTIVES)
  .map(([name, { usage, doc }]) => `  ${`${name} ${usage}`.trimEnd()}\n      ${doc}`)
  .join('\n')}`;

export function asmCommand(program: Command): void {
  const command = program
    .command('asm')
    .summary('assemble a program that is written by hand')
    .description('Assembles a program from assembly text, as wavec disasm prints it, or as it is written by hand.')
    .argument('<IN.wvs>', 'the assembly text');
  addCommonOptions(command)
    .option('-o, --output <OUT.wvc>', 'the program (default: the name of the text with .wvc)')
    .addHelpText('after', HELP)
    .action(asm);
}

function asm(file: string, { output = `${basename(file, '.wvs')}.wvc`, json }: AsmOptions): void {
  const program = assemble(readText(file), { file, readFile: (name) => readBytes(resolve(dirname(file), name)) });
  const bytes = encodeProgram(program);
  writeFile(output, bytes);
  const summary = { file: output, bytes: bytes.length, instructions: program.code.length, tensors: program.symbols.length };
  if (json) printJson(summary);
  else printText(`${output}: ${summary.instructions} instructions, ${summary.tensors} tensors, ${summary.bytes} bytes`);
}
