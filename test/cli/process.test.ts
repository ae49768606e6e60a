import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
});
