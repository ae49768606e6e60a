import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawDigits } from '../../examples/training/digits.ts';
import { writeNpy } from '../../src/tensor-file/npy.ts';
import { decodeCheckpoint } from '../../src/train/checkpoint.ts';
import { NetworkBuilder } from '../chain/network.ts';
import { idxFile, pnmFile } from '../data-file/files.ts';
import { generator } from '../ir/values.ts';
import { invoke } from './invoke.ts';

const SIZE = 12;
const COUNT = 40;
const digits = drawDigits(COUNT, 1, SIZE);
const images = Array.from(digits.samples);

let folder = '';
const at = (...names: readonly string[]): string => join(folder, ...names);

function model(): Uint8Array {
  const b = new NetworkBuilder([8, 1, SIZE, SIZE]);
  return b.model(b.full(b.flatten(b.maxPool(b.relu(b.conv(b.input, 4, { kernel: 3 })), { kernel: 2, stride: 2 })), 10));
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wavec-'));
  for (const name of ['npy', 'idx', 'gz', 'classes']) mkdirSync(at(name));
  writeFileSync(at('m.onnx'), model());
  const labels = Float64Array.from(digits.targets);
  writeFileSync(at('npy', 'images.npy'), writeNpy({ type: 'u1', shape: [COUNT, 1, SIZE, SIZE], values: Float64Array.from(images) }));
  writeFileSync(at('npy', 'labels.npy'), writeNpy({ type: 'i8', shape: [COUNT], values: labels }));
  writeFileSync(at('idx', 'train-images-idx3-ubyte'), idxFile([COUNT, SIZE, SIZE], images));
  writeFileSync(at('idx', 'train-labels-idx1-ubyte'), idxFile([COUNT], labels));
  writeFileSync(at('gz', 'train-images-idx3-ubyte.gz'), gzipSync(idxFile([COUNT, SIZE, SIZE], images)));
  writeFileSync(at('gz', 'train-labels-idx1-ubyte.gz'), gzipSync(idxFile([COUNT], labels)));
  digits.targets.forEach((label, i) => {
    const class_ = at('classes', `digit${label}`);
    mkdirSync(class_, { recursive: true });
    const pixels = images.slice(i * SIZE * SIZE, (i + 1) * SIZE * SIZE);
    writeFileSync(join(class_, `${String(i).padStart(3, '0')}.pgm`), pnmFile([1, SIZE, SIZE], pixels));
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TRAIN = ['train', 'm.onnx', '--batch', '8', '--learning-rate', '0.01'];

describe('wavec train', () => {
  it('reads every layout of a data set', async () => {
    const losses = async (data: string): Promise<unknown> => {
      const { exit, out, err } = await invoke([...TRAIN, '--data', data, '--steps', '5', '--json'], folder);
      expect({ exit, err }).toEqual({ exit: 0, err: [] });
      return JSON.parse(out.join('\n')).steps.map((s: { loss: number }) => s.loss);
    };
    const expected = await losses('npy');
    expect(expected).toHaveLength(5);
    for (const data of ['npy/images.npy', 'idx', 'idx/train-images-idx3-ubyte', 'gz']) expect(await losses(data)).toEqual(expected);
    // The same images in another order: what an epoch sees is the same.
    expect(await losses('classes')).toHaveLength(5);
  });

  it('reports every step, the accuracy, and nothing on standard error', async () => {
    const { exit, out, err } = await invoke(
      [...TRAIN, '--data', 'npy', '--eval', 'classes', '--epochs', '1', '--report-every', '2'],
      folder,
    );
    expect({ exit, err }).toEqual({ exit: 0, err: [] });
    expect(out.slice(0, 8).map((line) => line.split(/\s+/)[0])).toEqual([
      'model',
      'data',
      'step',
      'schedule',
      'norm',
      'optimizer',
      'machine',
      'steps',
    ]);
    expect(out.slice(10, 13).map((line) => line.trim().split(/\s+/)[0])).toEqual(['2', '4', '5']);
    expect(out.at(-1)).toMatch(/^accuracy {2}\d+\.\d % of 40 samples from classes$/);
  });

  it.each([
    [['--data', 'npy'], 2, 'USAGE'],
    [['--data', 'npy', '--steps', '1', '--epochs', '1'], 2, 'USAGE'],
    [['--data', 'npy', '--steps', '1', '--optimizer', 'none'], 2, 'USAGE'],
    [['--data', 'missing', '--steps', '1'], 1, 'UNREADABLE'],
    [['--data', '.', '--steps', '1'], 1, 'BAD_DATA'],
    [['--data', 'm.onnx', '--steps', '1'], 1, 'BAD_DATA'],
    [['--data', 'npy', '--eval', 'm.onnx', '--steps', '1'], 1, 'BAD_DATA'],
    [['--data', 'npy', '--steps', '1', '--save', 'no/m.onnx'], 1, 'UNWRITABLE'],
  ])('%j exits with %i and says %s', async (args, exit, code) => {
    const outcome = await invoke([...TRAIN, ...args], folder);
    expect({ exit: outcome.exit, err: outcome.err.join('\n') }).toEqual({ exit, err: expect.stringContaining(`[${code}]`) });
  });

  it('refuses a checkpoint that is damaged', async () => {
    mkdirSync(at('damaged'));
    writeFileSync(at('damaged', 'training.wvck'), 'WVCK and nothing');
    const { exit, err } = await invoke([...TRAIN, '--data', 'npy', '--steps', '1', '--checkpoint', 'damaged'], folder);
    expect({ exit, err: err.join('\n') }).toEqual({ exit: 1, err: expect.stringContaining('[BAD_CHECKPOINT]') });
  });

  it('killed at any moment, goes on and loses at most one step', async () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const args = [...TRAIN, '--data', 'npy', '--steps', '120'];
    expect((await invoke([...args, '--save', 'whole.onnx'], folder)).exit).toBe(0);
    const random = generator(Date.now());
    const draws = { seed: 0, batch: 8, samples: COUNT };
    const stepOf = (): number =>
      existsSync(at('run', 'training.wvck')) ? decodeCheckpoint(readFileSync(at('run', 'training.wvck')), draws, {}).step : 0;
    let kills = 0;
    for (let exit: number | null = null; exit !== 0; ) {
      const before = stepOf();
      const child = spawn(
        process.execPath,
        ['--import', import.meta.resolve('tsx'), main, ...args, '--checkpoint', 'run', '--save', 'stopped.onnx'],
        {
          cwd: folder,
        },
      );
      let printed = '';
      child.stdout.on('data', (chunk) => {
        printed += chunk;
      });
      const closed = once(child, 'close');
      if (kills < 4) {
        await Promise.race([once(child.stdout, 'data'), closed]);
        await setTimeout(400 * random());
        child.kill('SIGKILL');
        kills++;
      }
      [exit] = await closed;
      expect(exit === 0 || exit === null).toBe(true);
      const lines = printed.split('\n').filter((line) => /^ +\d+ /.test(line)).length;
      // A line is printed once its step is kept; one more may have been kept.
      expect(stepOf() - before - lines).toBeGreaterThanOrEqual(0);
      expect(stepOf() - before - lines).toBeLessThanOrEqual(1);
    }
    expect(stepOf()).toBe(120);
    expect(readFileSync(at('stopped.onnx'))).toEqual(readFileSync(at('whole.onnx')));
    expect(readdirSync(at('run'))).toEqual(['training.wvck']);
  }, 120_000);
});
