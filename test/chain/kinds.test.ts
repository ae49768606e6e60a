import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../backends/wavecore/index.ts';
import type { Graph } from '../../ir/graph.ts';
import { roundToHalf } from '../../ir/half.ts';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import { passedElements } from '../../passes/mbs/vector-use.ts';
import { DIFFERENTIABLE, type LayerCase, POSITIVE, TABLED } from '../ir/cases.ts';
import { differentiateCase } from '../ir/differentiate.ts';
import { spread } from '../ir/values.ts';
import { type Compiled, compileGraph, distance, machineWith, runFunctional, tensorsIn, verify } from './execute.ts';

/** A step rounds to f16 after each of at most three layers; sums of halves of both signs lose some of that. */
const TOLERANCE = 4e-3;

/** The graph with given values for the operands that all samples share. */
function withConstants(graph: Graph, values: ReadonlyMap<string, Values>): Graph {
  const shared = graph.inputs.filter((name) => graph.tensors.get(name)?.batched === false);
  const tensors = new Map(graph.tensors);
  for (const name of shared) {
    const tensor = tensors.get(name);
    const given = values.get(name);
    if (tensor === undefined || given === undefined) continue;
    const integer = tensor.type.dtype === 'i32';
    const constant = { form: 'values', values: integer ? Int32Array.from(given) : Float32Array.from(given) } as const;
    tensors.set(name, { ...tensor, kind: integer ? 'maskIndex' : 'weight', constant });
  }
  return { ...graph, tensors, inputs: graph.inputs.filter((name) => !shared.includes(name)) };
}

/** The vector unit passes over as many elements as schedules are made for; beside them it clears sums, ends them, and works out factors of channels. */
function expectPasses({ scheduled: { network } }: Compiled, { layers }: RunResult): void {
  const executed = new Map(layers.map(({ layer, vectorOps }) => [layer, vectorOps]));
  for (const view of network.layers) {
    const { name, kind } = view.layer;
    if (view.record.unit !== 'vector') continue;
    const [passed, modelled] = [executed.get(name) ?? 0, passedElements(view, network.batch)];
    expect(passed, `${kind} ${name}`).toBeGreaterThanOrEqual(modelled);
    expect(passed, `${kind} ${name}`).toBeLessThan(1.3 * modelled + 500);
  }
}

/** Compiles a layer and its gradient, executes them, and compares every result with the reference kernels. */
function check(c: LayerCase, shift: number, tables: readonly Values[], kib: number): void {
  const d = differentiateCase(c);
  const values = new Map(
    d.graph.inputs.map((name, i): [string, Values] => {
      const count = elementCount(d.graph.tensors.get(name)?.type.shape ?? []);
      return [name, tables[i - 1] ?? spread(count, 5 + i).map((v) => roundToHalf(v + shift + 1.3e-3 * i))];
    }),
  );
  const compiled = compileGraph(withConstants(d.graph, values), { schedule: 'mbs2', mode: 'inference', machine: machineWith(kib) });
  const result = runFunctional(compiled, values, true);
  expectPasses(compiled, result);
  expect(result.check?.findings).toEqual([]);
  expect(verify(compiled.program, result).problems).toEqual([]);
  const expected = evaluate(compiled.graph, values, { round: 'f16' });
  const computed = tensorsIn(compiled, result);
  for (const name of compiled.graph.outputs) expect(distance(computed.get(name), expected.get(name)), name).toBeLessThan(TOLERANCE);
}

describe('every kind with its gradient, compiled and executed', () => {
  for (const [kind, cases] of Object.entries(DIFFERENTIABLE)) {
    // An alias is no code, and a sum of one is not what any network has.
    if (kind === 'reshape' || kind === 'add') continue;
    it(kind, () => {
      fc.assert(
        fc.property(cases, (c) => check(c, 0, [], 64)),
        { numRuns: 15 },
      );
    });
  }

  for (const [kind, cases] of Object.entries(POSITIVE)) {
    it(`${kind} of positive numbers`, () => {
      fc.assert(
        fc.property(cases, (c) => check(c, 1.5, [], 64)),
        { numRuns: 15 },
      );
    });
  }

  for (const [kind, cases] of Object.entries(TABLED)) {
    it(kind, () => {
      fc.assert(
        fc.property(cases, (c) => check(c, 0, c.tables, 64)),
        { numRuns: 25 },
      );
    });
  }
});
