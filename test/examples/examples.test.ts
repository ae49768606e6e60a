import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));

/** Set to write what the examples print into them. */
const bless = process.env.BLESS !== undefined;

const HEAD = '// Prints:\n';

/** An example with the output that its last comment shows. */
function withOutput(source: string, output: string): string {
  const [code = ''] = source.split(`\n${HEAD}`);
  const comment = output.trimEnd().split('\n');
  return `${code.trimEnd()}\n\n${HEAD}${comment.map((line) => `// ${line}`.trimEnd()).join('\n')}\n`;
}

describe('examples print what they say', () => {
  it.each(readdirSync(folder).filter((name) => name.endsWith('.ts')))('%s', (name) => {
    const file = folder + name;
    const source = readFileSync(file, 'utf8');
    const output = execFileSync(process.execPath, ['--import', 'tsx', file], { encoding: 'utf8' });
    if (bless) writeFileSync(file, withOutput(source, output));
    else expect(source).toBe(withOutput(source, output));
  });
});
