import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { linesOf, type Outcome } from './golden.ts';

const models = fileURLToPath(new URL('../../examples/models', import.meta.url));

/** Runs a command line in this process, in a folder; `{models}` stands for the bundled models, in what it prints as well. */
export async function invoke(args: readonly string[], folder: string): Promise<Outcome> {
  const written = { out: '', err: '' };
  const capture = (stream: NodeJS.WriteStream, name: 'out' | 'err') =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    });
  const spies = [capture(process.stdout, 'out'), capture(process.stderr, 'err')];
  const before = process.cwd();
  process.chdir(folder);
  try {
    const exit = await runCommandLine(args.map((a) => a.replace('{models}', models)));
    const neutral = (text: string): string[] => linesOf(stripVTControlCharacters(text).replaceAll(models, '{models}'));
    return { exit, out: neutral(written.out), err: neutral(written.err) };
  } finally {
    process.chdir(before);
    for (const spy of spies) spy.mockRestore();
  }
}
