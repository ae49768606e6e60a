import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import { toDot } from '../../ir/dot.ts';
import type { Graph } from '../../ir/graph.ts';
import { fromJson, toJson } from '../../ir/json.ts';
import { parse } from '../../ir/parse.ts';
import { print } from '../../ir/print.ts';
import { verify } from '../../ir/verify.ts';
import { graphs } from './graphs.ts';

const FULL = { constants: 'full' } as const;

function problemsOf(action: () => unknown): readonly Diagnostic[] {
  try {
    action();
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics;
    throw error;
  }
  return [];
}

/** Tensors in the order of the text: what a graph is apart from the order of its map. */
const sorted = (graph: Graph): unknown => ({ ...graph, tensors: [...graph.tensors].sort(([a], [b]) => (a < b ? -1 : 1)) });

describe('text form', () => {
  it('reads back to an equal graph when constants are printed in full', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const again = parse(print(graph, FULL));
        expect(sorted(again)).toEqual(sorted(graph));
        expect(print(again, FULL)).toBe(print(graph, FULL));
      }),
    );
  });

  it('prints the same after reading elided constants, and the graph stays sound', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        expect(verify(graph)).toEqual([]);
        const again = parse(print(graph));
        expect(print(again)).toBe(print(graph));
        expect(verify(again)).toEqual([]);
      }),
    );
  });

  it('allows comments and any spacing', () => {
    const graph = parse(
      'graph "g" batch 1 { # a graph\n input %x: f16[1x2] input batched %y=relu(%x):f16[1x2] activation batched\n @forward "r" return %y }',
    );
    expect(print(graph)).toBe(`graph "g" batch 1 {
  input %x : f16[1x2] input batched
  %y = relu(%x) : f16[1x2] activation batched @forward "r"
  return %y
}
`);
  });

  it.each([
    ['graph "g" batch 1 {\n  input x', 2, 'a tensor (%name)'],
    ['graph "g" batch 1 {\n\n  tensor %x : f17[2]', 3, 'a type such as f16[32x3x224x224]'],
    ['graph "g" batch one', 1, 'the number of samples'],
    ['graph "g" batch 1 {\n %y = relu(%x) {slope=?}', 2, 'a name, number or mark'],
    ['graph "g" batch 1 {\n %y = relu(%x) : f16[1] activation @sideways "r"', 2, 'a phase (forward, backward, update)'],
    ['graph "g" batch 1 {\n input %x : f16[1] input\n tensor %x : f16[1] input', 3, 'a new tensor'],
    ['graph "g" batch 1 { return %y', 1, "'}'"],
    ['graph "\\x" batch 1 { return }', 1, 'a string with JSON escapes'],
  ])('names the line and what was expected: %s', (text, line, expected) => {
    const [problem] = problemsOf(() => parse(text, { file: 'model.ir' }));
    expect(problem).toMatchObject({ code: 'SYNTAX', place: { file: 'model.ir', line } });
    expect(problem?.message).toContain(`expected ${expected}, found`);
  });

  it('survives damaged text', () => {
    fc.assert(
      fc.property(graphs, fc.nat(), fc.string({ maxLength: 3 }), (graph, at, inserted) => {
        const text = print(graph);
        const cut = at % text.length;
        for (const damaged of [text.slice(0, cut), text.slice(0, cut) + inserted + text.slice(cut + 1)])
          problemsOf(() => verify(parse(damaged)));
      }),
    );
  });
});

describe('JSON form', () => {
  it('round-trips through text', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const json = JSON.stringify(toJson(graph, FULL));
        const again = fromJson(JSON.parse(json));
        expect(again).toEqual(graph);
        expect(JSON.stringify(toJson(again, FULL))).toBe(json);
        expect(toJson(fromJson(toJson(graph)))).toEqual(toJson(graph));
      }),
    );
  });

  it('names every place that is not of the expected form', () => {
    const json = { ...toJson(parse('graph "g" batch 1 { return }')), batch: 'many', layers: [{}] };
    const problems = problemsOf(() => fromJson(json));
    expect(problems.map((p) => p.code)).toEqual(problems.map(() => 'BAD_GRAPH'));
    expect(problems.map((p) => p.message).join('\n')).toMatch(/batch: .*layers\.0\.name: /s);
  });
});

describe('Graphviz form', () => {
  it('shows kind, ONNX node and type', () => {
    const graph = parse(
      'graph "g" batch 1 { input %x: f16[1x2] input batched %y=relu(%x):f16[1x2] activation batched @forward "r" unit "u" from "Relu \\"1\\"" return %y }',
    );
    expect(toDot(graph, { units: true })).toMatchInlineSnapshot(`
      "digraph "g" {
        node [shape=box, fontname="sans-serif"];
        i0 [shape=ellipse, label="x\\nf16[1x2]"];
        subgraph cluster_0 {
          label="forward u";
          l0 [label="relu\\nRelu \\"1\\"\\nf16[1x2]"];
        }
        i0 -> l0 [tooltip="x\\nf16[1x2]"];
        o0 [shape=ellipse, label="y\\nf16[1x2]"];
        l0 -> o0;
      }
      "
    `);
  });
});
