import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { f16 } from '../../ir/layers/types.ts';
import { verify } from '../../ir/verify.ts';
import { joinSums } from '../../passes/mbs/join-sums.ts';
import { half, valuesOf } from './halves.ts';

const kinds = ({ layers }: Graph): string[] => layers.map(({ kind }) => kind);
const SHAPE = f16([2, 8]);

/** Sums that are rectified and masked; `outputs` are those that a caller reads beside. */
function sums(outputs: readonly string[] = []): Graph {
  const b = new GraphBuilder('g', 2);
  for (const name of ['a', 'b', 'c']) b.input(name, SHAPE);
  b.layer({ kind: 'add', name: 's', inputs: ['a', 'b'], outputs: ['s'] });
  b.layer({ kind: 'relu', name: 'r', inputs: ['s'], outputs: ['r', 'm'] });
  b.layer({ kind: 'add', name: 't', inputs: ['r', 'c'], outputs: ['t'] });
  b.layer({ kind: 'relu_grad', name: 'g', inputs: ['t', 'm'], outputs: ['g'] });
  return b.finish(['g', ...outputs]);
}

describe('a sum and what alone reads it', () => {
  it('become one layer, with the names of the reader', () => {
    const joined = joinSums(sums());
    expect(kinds(joined)).toEqual(['add_relu', 'add_relu_grad']);
    expect(joined.layers.map(({ name, inputs, outputs }) => [name, inputs, outputs])).toEqual([
      ['r', ['a', 'b'], ['r', 'm']],
      ['g', ['r', 'c', 'm'], ['g']],
    ]);
    expect([...joined.tensors.keys()]).not.toContain('s');
    expect(verify(joined)).toEqual([]);
  });

  it('give the same bits, whatever f16 they work on', () => {
    const values = valuesOf(half, 16);
    fc.assert(
      fc.property(values, values, values, (a, b, c) => {
        const inputs = new Map(Object.entries({ a, b, c }));
        const [apart, joined] = [sums(), joinSums(sums())].map((graph) => evaluate(graph, inputs, { round: 'f16' }));
        for (const tensor of ['r', 'm', 'g']) expect(joined?.get(tensor)).toEqual(apart?.get(tensor));
      }),
    );
  });

  it('stay apart where something else reads the sum: a caller, or another layer', () => {
    expect(kinds(joinSums(sums(['s'])))).toEqual(['add', 'relu', 'add_relu_grad']);
    const b = GraphBuilder.from(sums());
    b.layer({ kind: 'mul', name: 'p', inputs: ['s', 't'], outputs: ['p'] });
    const graph = b.finish(['g', 'p']);
    expect(joinSums(graph)).toBe(graph);
  });

  it('stay apart where it has other than two operands, or is of another phase', () => {
    const b = new GraphBuilder('g', 2);
    for (const name of ['a', 'b', 'c']) b.input(name, SHAPE);
    b.layer({ kind: 'add', name: 's', inputs: ['a', 'b', 'c'], outputs: ['s'] });
    b.layer({ kind: 'relu', name: 'r', inputs: ['s'], outputs: ['r', 'm'] });
    b.layer({ kind: 'add', name: 't', inputs: ['r', 'c'], outputs: ['t'] });
    b.layer({ kind: 'relu', name: 'u', inputs: ['t'], outputs: ['u', 'n'], phase: 'backward' });
    const graph = b.finish(['u']);
    expect(joinSums(graph)).toBe(graph);
  });
});
