import { readdirSync, readFileSync } from 'node:fs';
import onnxProto from 'onnx-proto';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { roundToHalf } from '../../ir/half.ts';
import type { Values } from '../../ir/layers/record.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, distance, inputsOf, numbersOf, runFunctional } from '../chain/execute.ts';
import { hasMaterial, material } from '../material.ts';
import { importProblems } from './problems.ts';

const { ModelProto, TensorProto } = onnxProto.onnx;

/** Inputs and every layer are rounded to 11 bits. */
const TOLERANCE = 5e-3;
/** Models that agree today. */
const LEAST = 180;

/** Their results are drawn at random, or the runtime refuses them. */
const NOT_COMPARED = new Set(['burn/dropout/dropout.onnx', 'burn/slice/slice_shape_gather.onnx']);

/** Infinities as the largest half, so that they can be compared. */
const finite = (values: Values): Values => values.map((v) => Math.min(Math.max(v, -65504), 65504));

/** What the runtime computes: outputs in order. Inputs that nothing uses are zeros. */
async function expectedOutputs(bytes: Uint8Array, given: ReadonlyMap<string, Values>): Promise<Values[]> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  const declared = ModelProto.decode(bytes).graph?.input ?? [];
  const feeds = Object.fromEntries(
    declared
      .filter((i) => session.inputNames.includes(i.name ?? ''))
      .map((input) => {
        const tensor = input.type?.tensorType;
        const shape = (tensor?.shape?.dim ?? []).map((d) => Number(d.dimValue ?? 1));
        const values = given.get(input.name ?? '') ?? new Float64Array(shape.reduce((a, b) => a * b, 1));
        const isDouble = tensor?.elemType === TensorProto.DataType.DOUBLE;
        return [input.name, isDouble ? new Tensor('float64', values, shape) : new Tensor('float32', Float32Array.from(values), shape)];
      }),
  );
  const results = await session.run(feeds);
  const outputs = session.outputNames.map((name) => Float64Array.from(results[name]?.data as Float32Array, Number));
  await session.release();
  return outputs;
}

describe.skipIf(!hasMaterial)('single operators of other projects', () => {
  it('compute what the ONNX runtime computes, or are refused', async () => {
    const root = material('conformance/opcases');
    const files = readdirSync(root, { recursive: true })
      .map(String)
      .filter((f) => f.endsWith('.onnx'));
    const wrong: string[] = [];
    let agree = 0;
    for (const file of files) {
      const bytes = readFileSync(`${root}/${file}`);
      const problems = importProblems(bytes);
      expect(problems.filter((p) => p.code === 'INTERNAL')).toEqual([]);
      if (problems.length > 0 || NOT_COMPARED.has(file)) continue;
      const c = compileGraph(importModel(bytes, { file, mode: 'inference' }), { schedule: 'mbs2', mode: 'inference' });
      // Positive, so that logarithms, roots and powers are numbers.
      const inputs = new Map([...inputsOf(c.graph)].map(([name, v]) => [name, v.map((x) => roundToHalf(Math.abs(x) + 0.1))]));
      const run = runFunctional(c, inputs);
      const expected = await expectedOutputs(bytes, inputs);
      const far = c.graph.outputs.some((name, i) => {
        const output = run.outputs.get(c.scheduled.network.storages.of(name).name);
        return !(distance(output && finite(numbersOf('f16', output.bytes)), finite(expected[i] ?? new Float64Array())) <= TOLERANCE);
      });
      if (far) wrong.push(file);
      else agree++;
    }
    expect(wrong).toEqual([]);
    expect(agree).toBeGreaterThanOrEqual(LEAST);
  }, 120_000);
});
