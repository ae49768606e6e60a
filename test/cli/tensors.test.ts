import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpy, writeNpy } from '../../src/tensor-file/npy.ts';
import { readTensorPb, writeTensorPb } from '../../src/tensor-file/pb.ts';
import { encodeModel } from '../onnx-model.ts';
import { invoke } from './invoke.ts';

let folder = '';
const at = (name: string): string => join(folder, name);

/** y = relu(x Wᵀ + b), small enough to compute by hand. */
const MODEL = encodeModel({
  inputs: [{ name: 'x', shape: [2, 3] }],
  nodes: [
    { op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['a/b'], attributes: { transB: 1 } },
    { op: 'Relu', inputs: ['a/b'], outputs: ['out/y'] },
  ],
  outputs: ['out/y', 'a/b'],
  constants: [
    { name: 'w', shape: [2, 3], values: [1, 2, 3, -1, 0, 1] },
    { name: 'b', shape: [2], values: [0.5, -4] },
  ],
});
const X = { type: 'f4' as const, shape: [2, 3], values: Float64Array.of(1, 2, 3, 0, 1, 0) };
const SUMS = [14.5, -2, 2.5, -4];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wavec-'));
  writeFileSync(at('m.onnx'), MODEL);
  writeFileSync(at('x.npy'), writeNpy(X));
  writeFileSync(at('x.pb'), writeTensorPb({ name: 'x', ...X }));
  writeFileSync(at('wrong.npy'), writeNpy({ ...X, shape: [3, 2] }));
  expect((await invoke(['compile', 'm.onnx', '--mode', 'inference', '-o', 'm.wvc'], folder)).exit).toBe(0);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('tensors of a run', () => {
  it('come from and go to .npy files', async () => {
    const { exit, err } = await invoke(['run', 'm.wvc', '--input', 'x=x.npy', '--output', 'npy', '--verify', '--json'], folder);
    expect({ exit, err }).toEqual({ exit: 0, err: [] });
    expect(readdirSync(at('npy')).sort()).toEqual(['a_b.npy', 'out_y.npy']);
    expect(readNpy(readFileSync(at('npy/a_b.npy')), 'a')).toEqual({ type: 'f2', shape: [2, 2], values: Float64Array.from(SUMS) });
    const relu = SUMS.map((s) => Math.max(s, 0));
    expect(readNpy(readFileSync(at('npy/out_y.npy')), 'y')).toEqual({ type: 'f2', shape: [2, 2], values: Float64Array.from(relu) });
  });

  it('come from and go to TensorProto files', async () => {
    const { exit } = await invoke(['run', 'm.wvc', '--input', 'x=x.pb', '--output', 'pb', '--output-format', 'pb'], folder);
    expect(exit).toBe(0);
    expect(readTensorPb(readFileSync(at('pb/a_b.pb')), 'a')).toMatchObject({ name: 'a/b', shape: [2, 2], values: Float64Array.from(SUMS) });
  });

  it('must have the shape of the input', async () => {
    const { exit, err } = await invoke(['run', 'm.wvc', '--input', 'x=wrong.npy'], folder);
    expect(exit).toBe(1);
    expect(err.join('\n')).toContain('[BAD_TENSOR]');
    expect(err.join('\n')).toContain('3x2');
  });

  it('go where a directory can be made', async () => {
    writeFileSync(at('file'), '');
    const { exit, err } = await invoke(['run', 'm.wvc', '--input', 'x=x.npy', '--output', 'file'], folder);
    expect({ exit, code: err.at(-1)?.includes('[UNWRITABLE]') }).toEqual({ exit: 1, code: true });
  });

  it('do not change what is counted', async () => {
    const counts = async (args: readonly string[]): Promise<unknown> => {
      const { mode, ...rest } = JSON.parse((await invoke(['run', 'm.wvc', '--json', ...args], folder)).out.join('\n'));
      expect(mode).toBe(args.includes('x=x.npy') ? 'functional' : 'timing');
      return rest;
    };
    expect(await counts(['--input', 'x=x.npy'])).toEqual(await counts([]));
  });
});

describe('written files', () => {
  it('appear whole and leave nothing beside them', async () => {
    mkdirSync(at('whole'));
    await invoke(['compile', 'm.onnx', '--mode', 'inference', '-o', 'whole/m.wvc'], folder);
    expect(readdirSync(at('whole'))).toEqual(['m.wvc']);
  });

  it('hold the IR after every pass with --dump-ir, and give the same program from each', async () => {
    await invoke(['compile', 'm.onnx', '--mode', 'inference', '-o', 'm2.wvc', '--dump-ir', 'ir'], folder);
    const dumps = readdirSync(at('ir')).sort();
    expect(dumps).toEqual(['0-import.wir', '1-normalize.wir', '2-training.wir', '3-mbs.wir']);
    for (const dump of dumps) {
      expect(readFileSync(at(`ir/${dump}`), 'utf8')).toMatch(/^wavec-ir 1 after .* model "\.\.\/m\.onnx"\n/);
      await invoke(['compile', `ir/${dump}`, '-o', 'again.wvc'], folder);
      expect(readFileSync(at('again.wvc')).equals(readFileSync(at('m2.wvc'))), dump).toBe(true);
    }
  });

  it('give a program without values where the model of an IR file is gone', async () => {
    await invoke(['compile', 'm.onnx', '--mode', 'inference', '--stop-after', 'mbs', '-o', 'lost.wir'], folder);
    writeFileSync(at('lost.wir'), readFileSync(at('lost.wir'), 'utf8').replace('m.onnx', 'gone.onnx'));
    const { exit, out } = await invoke(['compile', 'lost.wir'], folder);
    expect(exit).toBe(0);
    expect(out.join('\n')).toContain('without values (the model gone.onnx cannot be read): for --mode timing alone');
    expect((await invoke(['run', 'lost.wvc', '--verify'], folder)).exit).toBe(0);
    const functional = await invoke(['run', 'lost.wvc', '--input', 'x=x.npy'], folder);
    expect({ exit: functional.exit, code: functional.err.some((line) => line.includes('[NO_INITIAL_VALUES]')) }).toEqual({
      exit: 1,
      code: true,
    });
  });
});
