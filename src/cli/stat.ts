import type { Command } from 'commander';
import { decodeProgram } from '../../backends/wavecore/index.ts';
import { programStatistics, statisticsReport } from '../report/statistics.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, type CommonOptions } from './options.ts';
import { printJson, printText } from './output.ts';

const HELP = `
Examples:
  $ wavec stat resnet50.wvc
  $ wavec stat resnet50.wvc --json | jq .dynamic

--json gives model, instructions, bytes, dynamic (least and most instructions of a run, or null), mnemonics (mnemonic,
unit, instructions), units (unit, instructions), loops (count, depth), tokens, registers, memory (kind, tensors, bytes),
layers (layer, kind, phase, group, origin, instructions, bytes). Bytes are whole numbers.`;

export function statCommand(program: Command): void {
  const command = program
    .command('stat')
    .summary('count what a program is made of, without running it')
    .description('Counts what a program is made of, without running it: instructions, loops, tokens, registers, DRAM, code by layer.')
    .argument('<OUT.wvc>', 'the program');
  addCommonOptions(command).addHelpText('after', HELP).action(stat);
}

function stat(file: string, { json }: CommonOptions): void {
  const statistics = programStatistics(decodeProgram(readBytes(file), file));
  if (json) printJson(statistics);
  else printText(statisticsReport(statistics));
}
