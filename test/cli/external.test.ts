import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { WavecError } from '../../ir/diagnostics.ts';
import { externalReader } from '../../src/cli/external.ts';

const root = mkdtempSync(join(tmpdir(), 'wavec-external-'));
afterAll(() => rmSync(root, { recursive: true }));

const models = join(root, 'models');
mkdirSync(join(models, 'data'), { recursive: true });
writeFileSync(
  join(models, 'data', 'w.bin'),
  Uint8Array.from({ length: 16 }, (_, i) => i),
);
writeFileSync(join(root, 'secret.bin'), 'secret');
symlinkSync(join(root, 'secret.bin'), join(models, 'link.bin'));
symlinkSync(root, join(models, 'up'));
symlinkSync(join('data', 'w.bin'), join(models, 'inside.bin'));

const read = externalReader(join(models, 'm.onnx'));

function codeOf(location: string, offset = 0, length = 4): string {
  try {
    read({ location, offset, length });
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics.map((d) => d.code).join();
    throw error;
  }
  return 'read';
}

describe('data beside the model', () => {
  it('are read by range', () => {
    expect([...read({ location: 'data/w.bin', offset: 4, length: 3 })]).toEqual([4, 5, 6]);
    expect([...read({ location: './data/../data/w.bin', offset: 12, length: 4 })]).toEqual([12, 13, 14, 15]);
    expect([...read({ location: 'inside.bin', offset: 0, length: 1 })]).toEqual([0]);
  });

  it('are refused outside of its directory, whatever leads there', () => {
    for (const location of ['../secret.bin', join(root, 'secret.bin'), 'data/../../secret.bin', 'link.bin', 'up/secret.bin'])
      expect([location, codeOf(location)]).toEqual([location, 'EXTERNAL_PATH']);
  });

  it('are refused past the end of the file', () => {
    for (const [offset, length] of [
      [13, 4],
      [-1, 4],
      [0, -1],
      [2 ** 53, 1],
      [Number.NaN, 1],
    ] as const)
      expect(codeOf('data/w.bin', offset, length)).toBe('EXTERNAL_RANGE');
  });

  it('are refused where no file is', () => {
    expect(codeOf('gone.bin')).toBe('UNREADABLE');
    expect(codeOf('data')).toBe('EXTERNAL_RANGE');
  });
});
