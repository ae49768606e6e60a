import type { Command } from 'commander';
import { mapFile } from '../../backends/wavecore/program-file/map/file-map.ts';
import { diag, WavecError } from '../../ir/diagnostics.ts';
import { dumpText } from '../report/dump.ts';
import { readBytes } from './files.ts';
import { addCommonOptions, type CommonOptions } from './options.ts';
import { printJson, printText } from './output.ts';

const HELP = `
Examples:
  $ wavec dump resnet50.wvc | less
  $ wavec dump damaged.wvc                         as far as it can be read, and what is wrong
  $ wavec dump resnet50.wvc --json

--json gives ranges (offset, bytes, part, meaning), one behind the other from the first byte of the file to the last,
and problems (offset, reason).`;

export function dumpCommand(program: Command): void {
  const command = program
    .command('dump')
    .summary('show what every byte of a program file means')
    .description('Shows what every byte of a program file means, of a damaged file as far as it can be read.')
    .argument('<OUT.wvc>', 'the program');
  addCommonOptions(command).addHelpText('after', HELP).action(dump);
}

function dump(file: string, { json }: CommonOptions): void {
  const bytes = readBytes(file);
  const map = mapFile(bytes);
  if (json) printJson(map);
  else printText(dumpText(bytes, map));
  const { problems } = map;
  if (problems.length > 0) {
    throw new WavecError(problems.map(({ offset, reason }) => diag.badProgramFile({ file }, `at byte ${offset}: ${reason}`)));
  }
}
