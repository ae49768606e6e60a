import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../backends/wavecore/index.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, distance, groups, inputsOf, machineWith, numbersOf } from './execute.ts';
import { residualNetwork } from './network.ts';

const STEPS = 3;
/** Euclidean distance, relative, of the parameters after the last step; they move further than that in every step. */
const TOLERANCE = 1e-3;
/** Inputs with which no ReLU near 0 turns over by the rounding of a sum: after that, both would train other networks. */
const SEED = 4;

const imported = importModel(residualNetwork(4), { file: 'residual', mode: 'training' });

/** Updated parameters and optimizer state by the name of the tensor whose place they take. */
function updated(graph: Graph, values: ReadonlyMap<string, Values>): Map<string, Values> {
  const places = [...graph.tensors.values()].filter((t) => t.type.dtype === 'f32' && t.storage !== undefined);
  return new Map(places.map((t) => [t.storage ?? t.name, values.get(t.name) ?? new Float64Array()]));
}

/** The step that begins with other values of these constants. */
function withConstants(graph: Graph, values: ReadonlyMap<string, Values>): Graph {
  const tensors = [...graph.tensors].map(([name, tensor]) => {
    const value = values.get(name);
    return [
      name,
      value === undefined ? tensor : { ...tensor, constant: { form: 'values' as const, values: Float32Array.from(value) } },
    ] as const;
  });
  return { ...graph, tensors: new Map(tensors) };
}

describe('training step after step', () => {
  it.each(['baseline', 'mbs2'] as const)(
    '%s: parameters and optimizer state go from run to run as in the reference kernels',
    (schedule) => {
      const choices = { schedule, norm: groups(8), machine: machineWith(64), lossScale: 64, optimizer: 'momentum' as const };
      const { graph, program, scheduled } = compileGraph(imported, choices);
      const inputs = inputsOf(graph, SEED);
      let reference = graph;
      let expected = new Map<string, Values>();
      const core = new Interpreter(program);
      for (let step = 0; step < STEPS; step++) {
        expected = updated(graph, evaluate(reference, inputs, { round: 'f16' }));
        reference = withConstants(graph, expected);
        core.run(step === 0 ? new Map([...inputs].map(([name, value]) => [scheduled.network.storages.of(name).name, value])) : new Map());
      }
      const initial = new Interpreter(program);
      expect(expected.size).toBeGreaterThan(10);
      for (const [name, values] of expected) {
        const actual = numbersOf('f32', core.readTensor(name).bytes);
        expect({ name, far: distance(actual, values) > TOLERANCE }).toEqual({ name, far: false });
        expect(distance(numbersOf('f32', initial.readTensor(name).bytes), values)).toBeGreaterThan(TOLERANCE);
      }
    },
  );
});
