import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBeside } from '../../src/cli/external-files.ts';
import { type ExternalFiles, importModel } from '../../src/onnx/index.ts';
import { invoke } from '../cli/invoke.ts';
import { encodeModel } from '../onnx-model.ts';
import { importProblems } from './problems.ts';

const { DataType, DataLocation } = onnxProto.onnx.TensorProto;
const SHAPE = [5, 3, 2, 2];
const COUNT = 60;
const BYTES = 4 * COUNT;
const GiB = 2 ** 30;

/** A weight of 60 f32 in another file. */
const external = (name: string, entries: Readonly<Record<string, string | number>>): proto.ITensorProto => ({
  name,
  dims: SHAPE,
  dataType: DataType.FLOAT,
  dataLocation: DataLocation.EXTERNAL,
  externalData: Object.entries(entries).map(([key, value]) => ({ key, value: String(value) })),
});

/** Convolutions with these weights, summed. */
const model = (...tensors: readonly proto.ITensorProto[]): Uint8Array =>
  encodeModel({
    inputs: [{ name: 'x', shape: [1, 3, 4, 4] }],
    nodes: [
      ...tensors.map((t, i) => ({ name: `conv${i}`, op: 'Conv', inputs: ['x', t.name ?? ''], outputs: [`c${i}`] })),
      { name: 'sum', op: 'Sum', inputs: tensors.map((_, i) => `c${i}`), outputs: ['y'] },
    ],
    outputs: ['y'],
    tensors,
  });

const values = Float32Array.from({ length: COUNT }, (_, i) => i - 7.25);
let folder = '';
let files: ExternalFiles;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wavec-external-'));
  mkdirSync(join(folder, 'model/deep'), { recursive: true });
  const bytes = new Uint8Array(16 + BYTES);
  bytes.set(new Uint8Array(values.buffer), 16);
  for (const file of ['model/w.bin', 'model/deep/w.bin', 'outside.bin']) writeFileSync(join(folder, file), bytes);
  symlinkSync(join(folder, 'outside.bin'), join(folder, 'model/link.bin'));
  symlinkSync('..', join(folder, 'model/up'));
  symlinkSync('deep/w.bin', join(folder, 'model/inner.bin'));
  files = filesBeside(join(folder, 'model/m.onnx'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const weightOf = (bytes: Uint8Array, name = 'w') => {
  const constant = importModel(bytes, { file: 'm', mode: 'inference', files }).tensors.get(name)?.constant;
  return constant?.form === 'values' ? constant.values : expect.unreachable();
};

describe('values in another file', () => {
  it.each([
    ['with offset and length', { location: 'w.bin', offset: 16, length: BYTES }],
    ['to the end of the file', { location: 'w.bin', offset: 16 }],
    ['in a folder below, with a checksum', { location: 'deep/w.bin', offset: 16, length: BYTES, checksum: 'of no interest' }],
    ['behind a link that stays inside', { location: 'inner.bin', offset: 16 }],
  ])('are read %s', (_name, entries) => {
    expect(weightOf(model(external('w', entries)))).toEqual(values);
  });

  it.each<[string, Record<string, string | number>, string, RegExp]>([
    ['an absolute path', { location: '/etc/passwd' }, 'EXTERNAL_DATA', /absolute path/],
    ['a path with a drive', { location: 'C:\\w.bin' }, 'EXTERNAL_DATA', /absolute path/],
    ['a path that leads out', { location: 'deep/../../outside.bin' }, 'EXTERNAL_DATA', /'\.\.' leads out/],
    ['a link that leads out', { location: 'link.bin' }, 'EXTERNAL_DATA', /a link that leads out/],
    ['a folder that leads out', { location: 'up/outside.bin' }, 'EXTERNAL_DATA', /a link that leads out/],
    ['a missing file', { location: 'none.bin' }, 'EXTERNAL_DATA', /no such file/],
    ['a directory', { location: 'deep' }, 'EXTERNAL_DATA', /no file/],
    ['no location', { offset: 0 }, 'EXTERNAL_DATA', /does not say where/],
    ['a zero byte', { location: 'w.bin\0' }, 'EXTERNAL_DATA', /zero byte/],
    ['an offset past the end', { location: 'w.bin', offset: 2 ** 40 }, 'BAD_CONSTANT', /the file has 256 bytes/],
    ['an end past the end', { location: 'w.bin', offset: 17 }, 'BAD_CONSTANT', /ends at byte 257/],
    ['another length', { location: 'w.bin', length: 8 }, 'BAD_CONSTANT', /need 240 bytes/],
    ['a negative offset', { location: 'w.bin', offset: -1 }, 'BAD_CONSTANT', /offset is '-1'/],
    ['a length in words', { location: 'w.bin', length: 'all' }, 'BAD_CONSTANT', /length is 'all'/],
    ['an offset beyond all files', { location: 'w.bin', offset: '99999999999999999999' }, 'BAD_CONSTANT', /whole number/],
    ['a key of another format', { location: 'w.bin', offset: 16, compressed: 'zip' }, 'BAD_CONSTANT', /'compressed' is not known/],
  ])('are refused at %s', (_name, entries, code, message) => {
    expect(importProblems(model(external('w', entries)), { files })).toMatchObject([
      { code, message: expect.stringMatching(message), place: { tensor: 'w' } },
    ]);
  });

  it('are refused all at once, a file that is not read by one message', () => {
    const tensors = [
      external('a', { location: 'none.bin' }),
      external('b', { location: 'none.bin', offset: BYTES }),
      external('c', { location: '/w.bin' }),
      external('d', { location: 'w.bin', offset: -4 }),
      external('e', { location: 'w.bin', length: 4 }),
    ];
    expect(importProblems(model(...tensors), { files }).map((p) => [p.code, p.place.tensor])).toEqual([
      ['EXTERNAL_DATA', 'a'],
      ['EXTERNAL_DATA', 'c'],
      ['BAD_CONSTANT', 'd'],
      ['BAD_CONSTANT', 'e'],
    ]);
  });

  it('are refused where only the bytes of the model are there', () => {
    expect(importProblems(model(external('w', { location: 'w.bin' })))).toMatchObject([
      { code: 'EXTERNAL_DATA', message: expect.stringContaining('only the bytes of the model') },
    ]);
  });

  it('lie beyond 2 GiB, and only their ranges are read', () => {
    const large = join(folder, 'model/large.bin');
    const places = [0, 2 * GiB - 64, 3 * GiB];
    writeFileSync(large, '');
    truncateSync(large, 3 * GiB + BYTES);
    const file = openSync(large, 'r+');
    places.forEach((place, i) => writeSync(file, new Uint8Array(values.map((v) => v + i).buffer), 0, BYTES, place));
    closeSync(file);
    const ranges: [number, number][] = [];
    const counted: ExternalFiles = {
      ...files,
      readRange: (location, offset, length) => {
        ranges.push([offset, length]);
        return files.readRange(location, offset, length);
      },
    };
    const bytes = model(...places.map((offset, i) => external(`w${i}`, { location: 'large.bin', offset, length: BYTES })));
    const graph = importModel(bytes, { file: 'm', mode: 'training', files: counted });
    const read = places.map((_, i) => graph.tensors.get(`w${i}`)?.constant);
    expect(read).toEqual(places.map((_, i) => ({ form: 'values', values: values.map((v) => v + i) })));
    expect(ranges).toEqual(places.map((place) => [place, BYTES]));
  });
});

describe('--no-weights', () => {
  it('compiles what can be timed, from a model whose weights are not there', async () => {
    writeFileSync(join(folder, 'm.onnx'), model(external('w', { location: 'nowhere.bin' })));
    const compiled = await invoke(['compile', 'm.onnx', '--mode', 'inference', '--no-weights', '--json'], folder);
    expect(JSON.parse(compiled.out.join('\n'))).toMatchObject({ weights: false });
    expect((await invoke(['inspect', 'm.wvc'], folder)).out.join('\n')).toContain('weights   none: the program can be timed');
    const timed = await invoke(['run', 'm.wvc', '--mode', 'timing', '--verify', '--json'], folder);
    expect(JSON.parse(timed.out.join('\n'))).toMatchObject({ verify: { ok: true } });
    const computed = await invoke(['run', 'm.wvc', '--mode', 'functional'], folder);
    expect([computed.exit, computed.err.join('\n')]).toEqual([1, expect.stringContaining('[NO_INITIAL_VALUES]')]);
  });

  it('keeps the counts of the same program with weights', async () => {
    const bytes = model(external('w', { location: 'w.bin', offset: 16 }));
    writeFileSync(join(folder, 'model/m.onnx'), bytes);
    const runs: unknown[] = [];
    for (const extra of [[], ['--no-weights']]) {
      await invoke(['compile', 'model/m.onnx', '--mode', 'inference', '-o', 'n.wvc', ...extra], folder);
      runs.push(JSON.parse((await invoke(['run', 'n.wvc', '--json'], folder)).out.join('\n')));
    }
    expect(runs[0]).toMatchObject({ mode: 'timing' });
    expect(runs[1]).toEqual(runs[0]);
  });

  it('reads the few numbers that steer an operator, and no weight', () => {
    const nodes = [
      { name: 'conv', op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
      { name: 'clip', op: 'Clip', inputs: ['c', 'low', 'high'], outputs: ['y'] },
    ];
    const bytes = encodeModel({
      inputs: [{ name: 'x', shape: [1, 3, 4, 4] }],
      nodes,
      outputs: ['y'],
      constants: [
        { name: 'low', shape: [], values: [0] },
        { name: 'high', shape: [], values: [6] },
      ],
      tensors: [external('w', { location: 'nowhere.bin' })],
    });
    const graph = importModel(bytes, { file: 'm', mode: 'inference', weights: false });
    const kept = importModel(
      encodeModel({
        inputs: [{ name: 'x', shape: [1, 3, 4, 4] }],
        nodes,
        outputs: ['y'],
        constants: [
          { name: 'w', shape: SHAPE, values: new Array<number>(COUNT).fill(1) },
          { name: 'low', shape: [], values: [0] },
          { name: 'high', shape: [], values: [6] },
        ],
      }),
      { file: 'm', mode: 'inference' },
    );
    expect(graph.layers).toEqual(kept.layers);
    expect(graph.tensors.get('w')?.constant).toEqual({ form: 'elided' });
  });
});
