import { existsSync, readdirSync, readFileSync } from 'node:fs';
import onnxProto, { type onnx as proto } from 'onnx-proto';
import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { roundToHalf } from '../../ir/half.ts';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { importModel } from '../../src/onnx/index.ts';
import { readTensorProto } from '../../src/onnx/tensor-proto.ts';
import { numbersOf as numbersIn } from '../../src/onnx/value.ts';
import { compileGraph, numbersOf, runFunctional, verify } from '../chain/execute.ts';
import { difference } from '../ir/values.ts';

const { ModelProto, TensorProto, NodeProto, AttributeProto, ValueInfoProto } = onnxProto.onnx;
const { DataType } = TensorProto;

/** What became of a case: compared as a program, on the reference kernels (values beyond the halves), refused, or wrong. */
export interface Outcome {
  readonly operator: string;
  readonly result: 'passed' | 'reference' | 'refused' | 'failed';
  /** Why it was refused, or how it failed. */
  readonly reason: string;
}

/** Largest error relative to the largest expected value: inputs and every layer are rounded to 11 bits. */
const TOLERANCE = 4e-3;
/** Whole numbers beyond it are no halves, so that inputs lose more than the tolerance allows; 65504 is the largest half. */
const EXACT = 2048;
const LARGEST_HALF = 65504;
const FLOATS: readonly number[] = [DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE, DataType.BFLOAT16];

interface Stored {
  readonly shape: readonly number[];
  readonly values: Values;
}

interface Case {
  readonly model: proto.IModelProto;
  /** Inputs without an initializer. */
  readonly inputs: readonly proto.IValueInfoProto[];
  readonly given: readonly (Stored | undefined)[];
  readonly raw: readonly (proto.ITensorProto | undefined)[];
  readonly expected: readonly (Stored | undefined)[];
}

function tensors(folder: string, kind: string, count: number): (Uint8Array | undefined)[] {
  return Array.from({ length: count }, (_, i) => {
    const path = `${folder}/test_data_set_0/${kind}_${i}.pb`;
    return existsSync(path) ? readFileSync(path) : undefined;
  });
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}

function load(folder: string): Case {
  const model = ModelProto.decode(readFileSync(`${folder}/model.onnx`));
  const known = new Set(model.graph?.initializer?.map((t) => t.name));
  const inputs = (model.graph?.input ?? []).filter((i) => !known.has(i.name));
  const inputBytes = tensors(folder, 'input', inputs.length);
  const decoded = (bytes: Uint8Array | undefined, info: proto.IValueInfoProto | undefined): proto.ITensorProto | undefined => {
    const tensor = bytes && attempt(() => TensorProto.decode(bytes));
    // Values of bfloat16 are stored as their bits.
    const isBits = tensor?.dataType === DataType.UINT16 && info && elementType(info) === DataType.BFLOAT16;
    return isBits ? { ...tensor, dataType: DataType.BFLOAT16 } : tensor;
  };
  const read = (tensor: proto.ITensorProto | undefined): Stored | undefined =>
    tensor &&
    attempt(() => {
      const value = readTensorProto(tensor, {});
      return { shape: value.shape, values: Float64Array.from(numbersIn(value)) };
    });
  const raw = inputs.map((info, i) => decoded(inputBytes[i], info));
  const outputs = model.graph?.output ?? [];
  const stored = tensors(folder, 'output', outputs.length).map((bytes, i) => decoded(bytes, outputs[i]));
  return { model, inputs, raw, given: raw.map(read), expected: stored.map(read) };
}

/** The single operator of a model, or what it is a composition for. */
function operatorOf({ model }: Case): string {
  const ops = new Set((model.graph?.node ?? []).map((n) => (n.domain ? `${n.domain}.${n.opType}` : (n.opType ?? ''))));
  const [only = 'none'] = ops;
  return ops.size === 1 ? only : 'several';
}

const elementType = (input: proto.IValueInfoProto): number => input.type?.tensorType?.elemType ?? 0;

/** Which inputs are data: the float ones (labels are not, else the loss would be left out); all; the first float one. What is not becomes an initializer. */
function choices({ inputs }: Case): boolean[][] {
  const float = inputs.map((i) => FLOATS.includes(elementType(i)));
  const first = float.indexOf(true);
  return [float, inputs.map(() => true), inputs.map((_, i) => i === first)];
}

function variant(c: Case, isData: readonly boolean[]): Uint8Array | undefined {
  const { graph } = c.model;
  if (!graph) return undefined;
  const constants = c.inputs.flatMap((input, i) => (isData[i] ? [] : [{ ...c.raw[i], name: input.name ?? '' }]));
  if (c.inputs.some((_, i) => !isData[i] && c.raw[i] === undefined)) return undefined;
  const fixed = { ...graph, input: c.inputs.filter((_, i) => isData[i]), initializer: [...(graph.initializer ?? []), ...constants] };
  return ModelProto.encode({ ...c.model, graph: fixed }).finish();
}

/** The model with every output, which is a constant, added to an input of zeros that it is given for. */
function withAddition(c: Case, isData: readonly boolean[]): Uint8Array | undefined {
  const bytes = variant(c, isData);
  const model = bytes && ModelProto.decode(bytes);
  const graph = model?.graph;
  if (!model || !graph) return undefined;
  const outputs = graph.output ?? [];
  const shapeOf = (i: number): proto.ITypeProto => ({
    tensorType: { elemType: DataType.FLOAT, shape: { dim: (c.expected[i]?.shape ?? []).map((d) => ({ dimValue: d })) } },
  });
  const to = AttributeProto.create({ name: 'to', type: AttributeProto.AttributeType.INT, i: DataType.FLOAT });
  graph.node = [
    ...(graph.node ?? []),
    ...outputs.flatMap((o, i) => [
      NodeProto.create({ opType: 'Cast', input: [o.name ?? ''], output: [`float:${i}`], attribute: [to] }),
      NodeProto.create({ opType: 'Add', input: [`zero:${i}`, `float:${i}`], output: [`sum:${i}`] }),
    ]),
  ];
  graph.input = [...(graph.input ?? []), ...outputs.map((_, i) => ValueInfoProto.create({ name: `zero:${i}`, type: shapeOf(i) }))];
  graph.output = outputs.map((_, i) => ValueInfoProto.create({ name: `sum:${i}` }));
  return ModelProto.encode(model).finish();
}

function importOrRefuse(bytes: Uint8Array): Graph | readonly Diagnostic[] {
  try {
    return importModel(bytes, { file: 'case', mode: 'inference' });
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics;
    throw error;
  }
}

const isGraph = (result: Graph | readonly Diagnostic[]): result is Graph => 'layers' in result;

/** Whether a refusal only says that an input must be a constant, which a later choice may make it. */
const isConstantRule = (problems: readonly Diagnostic[]): boolean => problems.some((p) => p.message.includes('constant'));

/** The case with as many inputs as data as can be. */
function imported(c: Case): { graph: Graph } | { problems: readonly Diagnostic[] } {
  let problems: readonly Diagnostic[] = [];
  for (const isData of choices(c)) {
    const bytes = variant(c, isData);
    if (bytes === undefined) continue;
    const result = importOrRefuse(bytes);
    if (isGraph(result)) return { graph: result };
    problems = problems.length > 0 && !isConstantRule(problems) ? problems : result;
    if (!result.some((p) => p.code === 'CONSTANT_OUTPUT')) continue;
    const added = withAddition(c, isData);
    const second = added && importOrRefuse(added);
    if (second && isGraph(second)) return { graph: second };
    problems = second ?? result;
  }
  return { problems };
}

const leavesHalves = (v: number): boolean =>
  Number.isFinite(v) && (Math.abs(v) > LARGEST_HALF || (Math.abs(v) > EXACT && roundToHalf(v) !== v));

function inputValues(c: Case, graph: Graph): Map<string, Values> {
  return new Map(
    graph.inputs.map((name): [string, Values] => {
      const at = c.inputs.findIndex((i) => i.name === name);
      const count = graph.tensors.get(name)?.type.shape.reduce((a, b) => a * b, 1) ?? 0;
      return [name, at < 0 ? new Float64Array(count) : (c.given[at]?.values ?? new Float64Array())];
    }),
  );
}

/** How the results differ from what is stored; undefined where they agree. */
function mismatch(c: Case, names: readonly string[], valuesOf: (name: string) => Values | undefined): string | undefined {
  for (const [i, name] of names.entries()) {
    const expected = c.expected[i];
    if (expected === undefined) return `output ${i} is not stored as a tensor`;
    const error = difference(valuesOf(name) ?? new Float64Array(), expected.values);
    if (!(error <= TOLERANCE) && !agreeBeyond(valuesOf(name), expected.values)) return `output ${i} differs by ${error.toExponential(1)}`;
  }
  return undefined;
}

/** Infinities and NaNs at the same places, and agreement elsewhere. */
function agreeBeyond(values: Values | undefined, expected: Values): boolean {
  if (values === undefined || values.length !== expected.length || expected.every(Number.isFinite)) return false;
  const finite = (v: Values): Values => v.map((x, i) => (Number.isFinite(expected[i]) ? x : 0));
  return (
    values.every((v, i) => Number.isFinite(expected[i]) || Object.is(v, expected[i])) &&
    difference(finite(values), finite(expected)) <= TOLERANCE
  );
}

/** Runs one case of ONNX: decode, lower, compile, execute, compare with the stored outputs. */
export function runCase(folder: string): Outcome {
  const c = load(folder);
  const operator = operatorOf(c);
  const result = imported(c);
  if ('problems' in result) {
    const [first] = result.problems;
    return { operator, result: 'refused', reason: first ? `${first.code}: ${first.message}` : 'NO_DATA: an input is stored in no tensor' };
  }
  const { graph } = result;
  const inputs = inputValues(c, graph);
  const beyond = [...inputs.values(), ...c.expected.flatMap((e) => (e ? [e.values] : []))].some((v) => v.some(leavesHalves));
  if (beyond) {
    const values = evaluate(graph, inputs);
    const wrong = mismatch(c, graph.outputs, (name) => values.get(name));
    return { operator, result: wrong ? 'failed' : 'reference', reason: wrong ?? 'values leave the range of halves' };
  }
  const compiled = compileGraph(graph, { schedule: 'mbs2', mode: 'inference' });
  const run = runFunctional(compiled, inputs);
  const traffic = verify(compiled.program, run).problems;
  const wrong =
    traffic.length > 0
      ? 'traffic differs from the prediction'
      : mismatch(c, compiled.graph.outputs, (name) => {
          const output = run.outputs.get(compiled.scheduled.network.storages.of(name).name);
          return output && numbersOf('f16', output.bytes);
        });
  return { operator, result: wrong ? 'failed' : 'passed', reason: wrong ?? '' };
}

/** Folders of the cases of a suite. */
export function casesOf(suite: string): string[] {
  return readdirSync(suite).filter((name) => existsSync(`${suite}/${name}/model.onnx`));
}
