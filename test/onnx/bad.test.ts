import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { afterAll, describe, expect, it } from 'vitest';
import { hasMaterial, material } from '../material.ts';
import { encodeModel, type ModelParts, type OnnxNode } from '../onnx-model.ts';
import type { ImportedFile } from './import-files.ts';
import { importProblems } from './problems.ts';

const MOST_BYTES = 512 * 2 ** 20;
const MOST_CPU_MILLISECONDS = 2000;

/** Imports files in a process of their own, with limits on what they may take. */
function imported(paths: readonly string[]): ImportedFile[] {
  const script = fileURLToPath(new URL('import-files.ts', import.meta.url));
  const args = ['--max-old-space-size=256', '--import', 'tsx', script, ...paths];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26, timeout: 60_000 });
  expect({ status: child.status, signal: child.signal }, child.stderr).toEqual({ status: 0, signal: null });
  const lines = child.stdout.trim().split('\n');
  expect(Number(lines.pop())).toBeLessThan(MOST_BYTES);
  return lines.map((line): ImportedFile => JSON.parse(line));
}

/** Files that failed otherwise than by messages of the product, each at the file and within the time. */
const unsound = (files: readonly ImportedFile[]): unknown[] =>
  files.filter((f) => f.error !== undefined || f.codes.includes('INTERNAL') || !f.placed || f.cpuMilliseconds > MOST_CPU_MILLISECONDS);

const bad = hasMaterial
  ? readdirSync(material('bad'), { recursive: true, withFileTypes: true })
      .filter((f) => f.isFile())
      .map((f) => `${f.parentPath}/${f.name}`)
  : [];

describe.skipIf(!hasMaterial)('bad files', () => {
  it('give the product’s own errors alone, in little time and memory', () => {
    expect(bad.length).toBeGreaterThan(200);
    const files = imported(bad);
    expect(unsound(files)).toEqual([]);
    expect(files).toHaveLength(bad.length);
    // A few are sound models of supported operators that only another tool refuses.
    expect(files.filter((f) => f.codes.length > 0).length).toBeGreaterThan(0.9 * bad.length);
  });

  it.each([
    ['notonnx/lfs_pointer_resnet50-v1-12.onnx', ['NOT_ONNX']],
    ['notonnx/ort_flatbuffer_training_model.ort', ['NOT_ONNX']],
    ['ort/foo_truncated.onnx', ['UNSUPPORTED_OP']],
    ['ort/model_with_external_initializers.onnx', ['EXTERNAL_DATA']],
  ])('%s is refused as %j', (path, codes) => {
    expect(importProblems(readFileSync(material(`bad/${path}`))).map((p) => p.code)).toEqual(codes);
  });
});

const X = { name: 'x', shape: [2, 3, 4, 4] };
const node = (op: string, inputs: string[], outputs: string[], attributes: OnnxNode['attributes'] = {}): OnnxNode => ({
  op,
  inputs,
  outputs,
  attributes,
});
const ints = (name: string, ...values: number[]) => ({ name, shape: [values.length], values, integer: true });
const HUGE = 2 ** 40;

/** A block within a block within a block … */
function nested(depth: number): OnnxNode {
  let inner = node('Relu', ['x'], ['y']);
  for (let i = 0; i < depth; i++) {
    const graph = { graph: { inputs: [], outputs: ['y'], nodes: [inner] } };
    inner = node('If', ['c'], ['y'], { then_branch: graph });
  }
  return inner;
}

const { FLOAT } = onnxProto.onnx.TensorProto.DataType;
const claimed = (dims: number[], more: proto.ITensorProto = {}): proto.ITensorProto[] => [{ name: 'w', dims, dataType: FLOAT, ...more }];

const HOSTILE: readonly [string, string, Partial<ModelParts>][] = [
  [
    'an input of 2^40 elements',
    'BAD_SHAPE',
    { inputs: [{ name: 'x', shape: [1, 2 ** 20, 2 ** 20] }], nodes: [node('Tile', ['x', 'r'], ['y'])], constants: [ints('r', 1, 1, 2)] },
  ],
  ['an input of 2^80 elements', 'BAD_INPUT', { inputs: [{ name: 'x', shape: [HUGE, HUGE] }] }],
  ['an initializer that claims 2^40 elements', 'BAD_CONSTANT', { nodes: [node('Add', ['x', 'w'], ['y'])], tensors: claimed([HUGE]) }],
  [
    'an initializer that claims 2^31 elements',
    'BAD_CONSTANT',
    { nodes: [node('Add', ['x', 'w'], ['y'])], tensors: claimed([2 ** 31], { rawData: new Uint8Array(8) }) },
  ],
  ['an initializer of a negative size', 'BAD_CONSTANT', { nodes: [node('Add', ['x', 'w'], ['y'])], tensors: claimed([-1, -1]) }],
  [
    'ConstantOfShape of 2^40 elements',
    'BAD_SHAPE',
    { nodes: [node('ConstantOfShape', ['s'], ['w']), node('Add', ['x', 'w'], ['y'])], constants: [ints('s', HUGE)] },
  ],
  [
    'ConstantOfShape of 2^62 elements',
    'BAD_SHAPE',
    { nodes: [node('ConstantOfShape', ['s'], ['w']), node('Add', ['x', 'w'], ['y'])], constants: [ints('s', 2 ** 31, 2 ** 31)] },
  ],
  ['an Expand to 2^40 elements', 'BAD_SHAPE', { nodes: [node('Expand', ['x', 's'], ['y'])], constants: [ints('s', 2, 3, HUGE, 4)] }],
  [
    'a Split of 2^31 rows',
    'BAD_SHAPE',
    { inputs: [{ name: 'x', shape: [5, 2 ** 31] }], nodes: [node('Split', ['x'], ['y', 'z'], { axis: -1, num_outputs: 2 })], opset: 18 },
  ],
  ['a padding of 2^40', 'BAD_SHAPE', { nodes: [node('Pad', ['x', 'p'], ['y'])], constants: [ints('p', 0, 0, 0, 0, 0, 0, HUGE, HUGE)] }],
  ['blocks 60 deep', 'UNSUPPORTED_OP', { nodes: [nested(60)], inputs: [X, { name: 'c', shape: [2] }] }],
  ['blocks 100 deep', 'TOO_DEEP', { nodes: [nested(100)], inputs: [X, { name: 'c', shape: [2] }] }],
  ['a cycle', 'CYCLIC_GRAPH', { nodes: [node('Relu', ['a'], ['b']), node('Relu', ['b'], ['a']), node('Add', ['x', 'a'], ['y'])] }],
  ['names that are taken twice', 'DUPLICATE_PRODUCER', { nodes: [node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])] }],
];

describe('models that were made to do harm', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wavec-hostile-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are refused in little time and memory', () => {
    const paths = HOSTILE.map(([name, , parts]) => {
      const path = join(folder, `${name.replaceAll(/\W/g, '_')}.onnx`);
      writeFileSync(path, encodeModel({ inputs: [X], nodes: [node('Relu', ['x'], ['y'])], outputs: ['y'], ...parts }));
      return path;
    });
    const files = imported(paths);
    expect(unsound(files)).toEqual([]);
    expect(files.map((f, i) => [HOSTILE[i]?.[0], [...new Set(f.codes)].includes(HOSTILE[i]?.[1] ?? '') || f.codes])).toEqual(
      HOSTILE.map(([name]) => [name, true]),
    );
  });

  it('are read where they only repeat an output', () => {
    const nodes = [node('Identity', ['x'], ['y'])];
    expect(importProblems(encodeModel({ inputs: [X], nodes, outputs: ['y', 'y'] }))).toEqual([]);
  });
});
