import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const model = fileURLToPath(new URL('../../examples/models/alexnet.train.onnx', import.meta.url));

function wavec(...args: readonly string[]) {
  return spawn(process.execPath, ['--import', 'tsx', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('the process', () => {
  it('ends with the exit code of the command line', async () => {
    const child = wavec('compile', 'missing.onnx');
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
  });

  it('ends quietly when the reader of its output leaves', async () => {
    const child = wavec('inspect', model, '--after', 'training', '--format', 'json');
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.stdout.once('data', () => child.stdout.destroy());
    const [code] = await once(child, 'close');
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
  });

  it('writes the same tables, whatever the number of runs at the same time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'wavec-'));
    try {
      const outcomes = ['1', '3'].map(async (jobs) => {
        const out = join(folder, jobs);
        const args = ['--networks', 'alexnet', '--batch', '1', '--schedules', 'mbs1,mbs2', '--no-sweeps', '--jobs', jobs, '--out', out];
        const child = wavec('reproduce', ...args);
        child.stdout.resume();
        const [code] = await once(child, 'close');
        const files = readdirSync(out).map((name) => [name, readFileSync(join(out, name), 'utf8')] as const);
        return { code, files };
      });
      const [one, three] = await Promise.all(outcomes);
      expect(one?.code).toBe(0);
      expect(one?.files.map(([name]) => name)).toContain('reproduction.md');
      expect(three).toEqual(one);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('reports what goes wrong in another process like any error', async () => {
    const child = wavec('reproduce', '--networks', 'lenet', '--no-sweeps', '--jobs', '2');
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(1);
    expect(errors).toMatch(/^error: .*lenet\.train\.onnx: cannot be read: there is no such file \[UNREADABLE\]\n$/);
  });
});
