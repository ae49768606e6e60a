import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import { verify } from '../../ir/verify.ts';
import { joinNorms } from '../../passes/mbs/join-norms.ts';
import { half, subnormal, valuesOf } from './halves.ts';

const kinds = ({ layers }: Graph): string[] => layers.map(({ kind }) => kind);
const SHAPE = [2, 4, 3, 1];
const ATTRS = { groups: 2 };
const PLENTY = 2 ** 20;

/** A normalization that is rectified, and the gradient of both; `outputs` are those that a caller reads beside. */
function network(outputs: readonly string[] = []): Graph {
  const b = new GraphBuilder('g', 2);
  for (const name of ['x', 'dy']) b.input(name, f16(SHAPE));
  for (const name of ['gamma', 'beta']) b.input(name, f32([4]), false);
  b.layer({ kind: 'norm_stats', name: 'stats', inputs: ['x'], outputs: ['stats'], attrs: { ...ATTRS, epsilon: 0.01 } });
  b.layer({ kind: 'norm_apply', name: 'n', inputs: ['x', 'stats', 'gamma', 'beta'], outputs: ['n'], attrs: ATTRS });
  b.layer({ kind: 'relu', name: 'r', inputs: ['n'], outputs: ['r', 'm'] });
  b.layer({ kind: 'relu_grad', name: 'g', inputs: ['dy', 'm'], outputs: ['g'], phase: 'backward' });
  const gradient = { attrs: ATTRS, phase: 'backward' } as const;
  const sums = ['sums', 'dgamma', 'dbeta'];
  b.layer({ kind: 'norm_grad_reduce', name: 'reduce', inputs: ['x', 'g', 'stats', 'gamma'], outputs: sums, ...gradient });
  b.layer({ kind: 'norm_grad_apply', name: 'data', inputs: ['x', 'g', 'stats', 'gamma', 'sums'], outputs: ['dx'], ...gradient });
  return b.finish(['r', 'dx', 'dgamma', 'dbeta', ...outputs]);
}

describe('a normalization and what alone rectifies or masks for it', () => {
  it('become one layer each, with the names of the normalization', () => {
    const joined = joinNorms(network(), PLENTY);
    expect(joined.layers.map(({ kind, name, inputs, outputs }) => [kind, name, inputs, outputs])).toEqual([
      ['norm_stats', 'stats', ['x'], ['stats']],
      ['norm_relu', 'n', ['x', 'stats', 'gamma', 'beta'], ['r', 'm']],
      ['norm_relu_grad_reduce', 'reduce', ['x', 'dy', 'stats', 'gamma', 'm'], ['sums', 'dgamma', 'dbeta']],
      ['norm_relu_grad_apply', 'data', ['x', 'dy', 'stats', 'gamma', 'sums', 'm'], ['dx']],
    ]);
    expect([...joined.tensors.keys()].filter((name) => ['n', 'g'].includes(name))).toEqual([]);
    expect(verify(joined)).toEqual([]);
  });

  it('give the same bits, whatever f16 they work on', () => {
    const single = fc.oneof(subnormal, fc.double({ min: -4, max: 4, noNaN: true }));
    fc.assert(
      fc.property(valuesOf(half, 24), valuesOf(half, 24), valuesOf(single, 4), valuesOf(single, 4), (x, dy, gamma, beta) => {
        const inputs = new Map(Object.entries({ x, dy, gamma, beta }));
        const [apart, joined] = [network(), joinNorms(network(), PLENTY)].map((graph) => evaluate(graph, inputs, { round: 'f16' }));
        for (const tensor of ['r', 'm', 'dx', 'dgamma', 'dbeta']) expect(joined?.get(tensor), tensor).toEqual(apart?.get(tensor));
      }),
    );
  });

  it('stay apart where a caller reads what lies between', () => {
    expect(kinds(joinNorms(network(['n']), PLENTY)).slice(0, 3)).toEqual(['norm_stats', 'norm_apply', 'relu']);
    expect(kinds(joinNorms(network(['g']), PLENTY)).slice(2)).toEqual(['relu_grad', 'norm_grad_reduce', 'norm_grad_apply']);
  });

  it('stay apart where another layer reads it as well', () => {
    const b = GraphBuilder.from(network());
    b.layer({ kind: 'mul', name: 'p', inputs: ['n', 'x'], outputs: ['p'] });
    b.layer({ kind: 'mul', name: 'q', inputs: ['g', 'x'], outputs: ['q'], phase: 'backward' });
    const graph = b.finish(['r', 'dx', 'p', 'q']);
    expect(joinNorms(graph, PLENTY)).toBe(graph);
  });

  it('stay apart where samples may have to be cut for the buffer', () => {
    const graph = network();
    // x, dx and dy of 24 bytes each, a mask of 2, statistics and sums of 16 each, twice.
    expect(kinds(joinNorms(graph, 212))).toContain('norm_relu_grad_apply');
    expect(kinds(joinNorms(graph, 211)).slice(2)).toEqual(['relu_grad', 'norm_grad_reduce', 'norm_grad_apply']);
    expect(joinNorms(graph, 64)).toBe(graph);
  });
});
