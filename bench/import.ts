// What it costs to read a large model: a ResNet-like network of about 100 MB of random f32 weights is made, decoded and imported.
// Wall time and memory of the import alone, and of a whole process that reads the file and imports it. Build first.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { importModel } from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const MB = 1e6;
const CHANNELS = [64, 256, 512, 1024, 2048];
/** Chosen for 100 MB of weights. */
const BLOCKS = [3, 4, 6, 3];

const { ModelProto, TensorProto, AttributeProto } = onnxProto.onnx;

/** Seeded noise in f32: the top bits make numbers of about 0.01. */
function noise(count: number, seed: number): Uint8Array {
  const values = new Float32Array(count);
  let state = seed;
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = (state / 2 ** 32 - 0.5) * 0.02;
  }
  return new Uint8Array(values.buffer);
}

function resnet(): proto.IModelProto {
  const node: proto.INodeProto[] = [];
  const initializer: proto.ITensorProto[] = [];
  const weight = (...dims: number[]): string => {
    const name = `w${initializer.length}`;
    const count = dims.reduce((a, b) => a * b, 1);
    initializer.push({ name, dims, dataType: TensorProto.DataType.FLOAT, rawData: noise(count, initializer.length + 1) });
    return name;
  };
  const add = (opType: string, input: string[], attributes: Record<string, number[]> = {}): string => {
    const output = `t${node.length}`;
    const attribute = Object.entries(attributes).map(([name, ints]) => ({ name, type: AttributeProto.AttributeType.INTS, ints }));
    node.push({ name: `${opType}${node.length}`, opType, input, output: [output], attribute });
    return output;
  };
  const conv = (x: string, from: number, to: number, k: number, stride: number): string => {
    const pads = new Array<number>(4).fill((k - 1) / 2);
    return add('Conv', [x, weight(to, from, k, k), weight(to)], { kernel_shape: [k, k], pads, strides: [stride, stride] });
  };
  let x = add('MaxPool', [conv('x', 3, 64, 7, 2)], { kernel_shape: [2, 2], strides: [2, 2] });
  let from = 64;
  BLOCKS.forEach((count, stage) => {
    const to = CHANNELS[stage + 1] ?? 0;
    for (let i = 0; i < count; i++) {
      const stride = i === 0 && stage > 0 ? 2 : 1;
      const middle = add('Relu', [conv(add('Relu', [conv(x, from, to / 4, 1, 1)]), to / 4, to / 4, 3, stride)]);
      const shortcut = from === to ? x : conv(x, from, to, 1, stride);
      x = add('Relu', [add('Add', [conv(middle, to / 4, to, 1, 1), shortcut])]);
      from = to;
    }
  });
  const y = add('MatMul', [add('Flatten', [add('GlobalAveragePool', [x])]), weight(2048, 1000)]);
  const image = { dim: [1, 3, 224, 224].map((dimValue) => ({ dimValue })) };
  const input = [{ name: 'x', type: { tensorType: { elemType: TensorProto.DataType.FLOAT, shape: image } } }];
  return {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: { name: 'bench', node, initializer, input, output: [{ name: y }] },
  };
}

const megabytes = (bytes: number): string => `${(bytes / MB).toFixed(0)} MB`;

/** What the import alone takes, in a process that holds the file. */
function measure(file: string): void {
  const bytes = readFileSync(file);
  const before = process.memoryUsage().rss;
  const start = performance.now();
  const graph = importModel(bytes, { file, mode: 'training', batch: 32 });
  const seconds = (performance.now() - start) / 1000;
  const grown = process.memoryUsage().rss - before;
  const weights = [...graph.tensors.values()].filter((t) => t.constant !== undefined).length;
  console.log(
    `import   ${seconds.toFixed(2)} s, ${megabytes(grown)} beside the file, ${graph.layers.length} layers, ${weights} parameters`,
  );
}

/** A Node process: its output, wall time and peak memory. Its parent must be small, since a child begins with the memory of its parent. */
function node(...args: string[]): { readonly stdout: string; readonly seconds: number; readonly peak: number } {
  const start = performance.now();
  const all = ['--import', join(root, 'bench/report-peak.mjs'), ...args];
  const done = spawnSync(process.execPath, all, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (done.status !== 0) throw new Error(done.stderr);
  return { stdout: done.stdout, seconds: (performance.now() - start) / 1000, peak: Number(/peak (\d+)/.exec(done.stderr)?.[1]) };
}

function bench(): void {
  const folder = mkdtempSync(join(tmpdir(), 'wavec-import-'));
  const self = ['--import', 'tsx', fileURLToPath(import.meta.url)];
  try {
    const file = join(folder, 'resnet.onnx');
    node(...self, 'make', file);
    const { size } = statSync(file);
    console.log(`model    ${megabytes(size)}`);
    process.stdout.write(node(...self, 'import', file).stdout);
    const { seconds, peak } = node(join(root, 'dist/src/cli/main.js'), 'inspect', file, '--batch', '32');
    console.log(`process  ${seconds.toFixed(2)} s, peak ${megabytes(peak)}: ${(peak / size).toFixed(2)} times the file (wavec inspect)`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const [task, file = ''] = process.argv.slice(2);
if (task === 'make') writeFileSync(file, ModelProto.encode(resnet()).finish());
else if (task === 'import') measure(file);
else bench();
