import { existsSync, readdirSync, readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { readTensorPb } from '../../src/tensor-file/pb.ts';
import { difference } from '../ir/values.ts';
import { hasMaterial, material } from '../material.ts';
import { importProblems } from './problems.ts';

const { ModelProto, TensorProto } = onnxProto.onnx;

/** Suites of ONNX's backend cases, and how many of their cases hold operators that are read. */
const SUITES: readonly (readonly [folder: string, least: number])[] = [
  ['node', 60],
  ['node-v1.12', 19],
  ['node-v1.6', 17],
  ['pytorch-converted', 29],
  ['simple', 1],
];

/**
 * The inference formula stands for normalization with statistics of the mini-batch, which a later stage makes, dropout
 * does nothing in inference, casts between float types mean nothing, since all activations are f16, and a model that ends in
 * a cross-entropy gives the scores that it is of.
 */
const OTHER_MEANING = /batchnorm.*training_mode|training_dropout|test_cast|test_nllloss|test_sce/;

interface Prepared {
  readonly bytes: Uint8Array;
  readonly data: string;
}

/** The case with all inputs but the first as initializers, since weights must be constants. */
function prepare(folder: string): Prepared | undefined {
  const data = `${folder}/test_data_set_0`;
  if (!existsSync(`${folder}/model.onnx`) || !existsSync(`${data}/input_0.pb`)) return undefined;
  const model = ModelProto.decode(readFileSync(`${folder}/model.onnx`));
  const { graph } = model;
  if (!graph) return undefined;
  const known = new Set(graph.initializer?.map((t) => t.name));
  const inputs = (graph.input ?? []).filter((i) => !known.has(i.name));
  const constants = inputs.slice(1).flatMap((input, i) => {
    const path = `${data}/input_${i + 1}.pb`;
    return existsSync(path) ? [{ ...TensorProto.decode(readFileSync(path)), name: input.name ?? '' }] : [];
  });
  // Values of bfloat16 are in no tensor file that is read.
  if (![1, 10, 11].includes(TensorProto.decode(readFileSync(`${data}/input_0.pb`)).dataType ?? 0)) return undefined;
  graph.input = inputs.slice(0, 1);
  graph.initializer = [...(graph.initializer ?? []), ...constants];
  return { bytes: ModelProto.encode(model).finish(), data };
}

/** Whether the case is imported; then its outputs are compared. */
function runs(folder: string): boolean {
  const prepared = prepare(folder);
  if (prepared === undefined || importProblems(prepared.bytes).length > 0) return false;
  const graph = importModel(prepared.bytes, { file: folder, mode: 'inference' });
  expect(verify(graph)).toEqual([]);
  const input = readTensorPb(readFileSync(`${prepared.data}/input_0.pb`), 'input_0.pb');
  const results = evaluate(graph, new Map([[graph.inputs[0] ?? '', input.values]]));
  graph.outputs.forEach((name, i) => {
    const expected = readTensorPb(readFileSync(`${prepared.data}/output_${i}.pb`), `output_${i}.pb`);
    expect(graph.tensors.get(name)?.type.shape).toEqual(expected.shape);
    expect(difference(results.get(name) ?? new Float64Array(), expected.values), `${folder} ${name}`).toBeLessThan(1e-3);
  });
  return true;
}

describe.skipIf(!hasMaterial)('cases of ONNX', () => {
  it.each(SUITES)('%s', (suite, least) => {
    const root = material(`conformance/${suite}`);
    const cases = readdirSync(root).filter((name) => !OTHER_MEANING.test(name));
    const read = cases.filter((name) => runs(`${root}/${name}`));
    expect(read.length, read.join(' ')).toBeGreaterThanOrEqual(least);
  });
});
