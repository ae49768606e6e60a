import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Case, type Outcome, readCase, refresh, writeCase } from './golden.ts';
import { invoke } from './invoke.ts';

const cases = fileURLToPath(new URL('cases', import.meta.url));

/** Set to write what the commands print into the cases; parts that `...` leaves out stay left out. */
const bless = process.env.BLESS !== undefined;

describe('command line', () => {
  it.each(readdirSync(cases).sort())('%s', async (name) => {
    const golden = readCase(readFileSync(join(cases, name), 'utf8'));
    const actual = await execute(golden);
    const commands = golden.commands.map((command, i) => ({ ...command, expected: agreed(command.expected, actual[i]) }));
    if (bless) writeFileSync(join(cases, name), writeCase({ ...golden, commands }));
    else expect(commands).toEqual(golden.commands);
  });
});

async function execute({ files, commands }: Case): Promise<Outcome[]> {
  const folder = mkdtempSync(join(tmpdir(), 'wavec-'));
  try {
    for (const [file, content] of files) writeFileSync(join(folder, file), content);
    const outcomes: Outcome[] = [];
    for (const { args } of commands) outcomes.push(await invoke(args, folder));
    return outcomes;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The expected lines where they describe the actual ones, otherwise the actual ones. */
function agreed(expected: Outcome, actual: Outcome | undefined): Outcome {
  if (actual === undefined) return expected;
  return { exit: actual.exit, out: refresh(expected.out, actual.out), err: refresh(expected.err, actual.err) };
}
