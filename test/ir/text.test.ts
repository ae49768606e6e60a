import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import { toDot } from '../../ir/dot.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
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

  it('reads elided constants of any size, and keeps them elided', () => {
    const text = 'graph "g" batch 1 { tensor %w : f16[99999999x99999999] weight = values(...) return }';
    const graph = parse(text);
    expect(graph.tensors.get('w')?.constant).toEqual({ form: 'elided' });
    expect(fromJson(toJson(graph))).toEqual(graph);
    expect(problemsOf(() => evaluate(graph, new Map())).map((p) => p.code)).toEqual(['BAD_VALUES']);
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
  const text = `graph "g" batch 1 {
    input %x : f16[1x2] input batched
    %y, %m = relu(%x) : f16[1x2] activation batched, bit[1x2] maskIndex batched @forward "r" unit "u" from "Relu \\"1\\""
    %z = relu(%y) : f16[1x2] output batched @forward "s" unit "u"
    %dx = relu_grad(%m, %z) : f16[1x2] output batched @backward "d"
    return %z, %dx
  }`;

  it('shows kind, ONNX node and types, a box for a unit of several layers, and what comes from another phase as notes', () => {
    expect(toDot(parse(text))).toMatchInlineSnapshot(`
      "digraph "g" {
        label="g, 1 samples a step\\nforward blue, backward orange, update green; bold: stays on chip, dashed: through DRAM";
        fontname="sans-serif"; node [shape=box, style=filled, fillcolor=white, fontname="sans-serif"]; edge [fontname="sans-serif", fontsize=10];
        nslimit=0.1; nslimit1=0.1; mclimit=0.05;
        i0 [shape=ellipse, label="x\\nf16[1x2]"];
        subgraph cluster_0 {
          label="forward u";
          l0 [fillcolor="#dbe9f6", label="relu\\nRelu \\"1\\"\\nf16[1x2]\\nbit[1x2]"];
          l1 [fillcolor="#dbe9f6", label="relu\\ns\\nf16[1x2]"];
        }
        l2 [fillcolor="#fde3cf", label="relu_grad\\nd\\nf16[1x2]"];
        i0 -> l0 [label="f16[1x2]", tooltip="x"];
        l0 -> l1 [label="f16[1x2]", tooltip="y"];
        n2_0 [shape=note, label="m"];
        n2_0 -> l2 [label="bit[1x2]", tooltip="m"];
        n2_1 [shape=note, label="z"];
        n2_1 -> l2 [label="f16[1x2]", tooltip="z"];
        o0 [shape=ellipse, label="z\\nf16[1x2]"];
        l1 -> o0;
        o1 [shape=ellipse, label="dx\\nf16[1x2]"];
        l2 -> o1;
      }
      "
    `);
  });

  it('draws what comes from far before as a note', () => {
    const b = new GraphBuilder('far', 1);
    const first = b.input('x', { dtype: 'f16', shape: [1, 2] });
    const last = Array.from({ length: 40 }).reduce<string>(
      (x, _, i) => b.layer({ kind: 'relu', name: `r${i}`, inputs: [x] })[0] ?? '',
      first,
    );
    const dot = toDot(b.finish(b.layer({ kind: 'add', name: 'sum', inputs: [last, first] })));
    expect(dot).toContain('l39 -> l40 [');
    expect(dot).toContain('n40_1 [shape=note, label="x"];');
  });

  it('shows the boxes asked for and where a tensor is found', () => {
    const place = (layer: number) => ([undefined, 'chip', 'dram'] as const)[layer];
    const dot = toDot(parse(text), { boxes: [{ label: 'group 0', layers: [1, 2] }], place });
    expect(dot).toMatch(/subgraph cluster_0 \{\n {4}label="group 0";\n {4}l1 .*\n {4}l2 .*\n {2}\}/);
    expect(dot).toContain('i0 -> l0 [label="f16[1x2]", tooltip="x"];');
    expect(dot).toContain('l0 -> l1 [label="f16[1x2]\\non chip", style=bold, tooltip="y"];');
    expect(dot).toContain('n2_0 -> l2 [label="bit[1x2]\\nDRAM", style=dashed, tooltip="m"];');
  });
});
