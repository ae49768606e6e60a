import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { refresh } from '../cli/golden.ts';
import { invoke } from '../cli/invoke.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const file = join(root, 'README.md');

/** Set to write what the commands print into the page; lines that `...` leaves out stay left out. */
const bless = process.env.BLESS !== undefined;

const PROMPT = '$ npx wavec ';
const FENCE = /^```console\n([\s\S]*?)^```$/gm;

/** A block of the page with what its commands print behind each. */
async function executed(block: string, folder: string): Promise<string> {
  const lines: string[] = [];
  const parts = block.split(PROMPT).slice(1);
  for (const part of parts) {
    const [command = '', ...shown] = part.trimEnd().split('\n');
    const { exit, out } = await invoke(command.split(' '), folder);
    expect({ command, exit }).toEqual({ command, exit: 0 });
    lines.push(PROMPT + command, ...refresh(shown, out));
  }
  return `${lines.join('\n')}\n`;
}

it('the page shows what its commands print', { timeout: 600_000 }, async () => {
  const page = readFileSync(file, 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'wavec-'));
  symlinkSync(join(root, 'examples'), join(folder, 'examples'));
  try {
    let actual = page;
    for (const [, block = ''] of page.matchAll(FENCE)) actual = actual.replace(block, await executed(block, folder));
    if (bless) writeFileSync(file, actual);
    else expect(actual).toBe(page);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
