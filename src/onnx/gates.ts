import type { UnaryOp } from '../../ir/functions/unary.ts';
import type { Attrs, Graph, Layer } from '../../ir/graph.ts';
import { unaryOf } from '../../ir/layers/unary.ts';

interface Step {
  readonly op: UnaryOp;
  readonly alpha: number;
  readonly beta: number;
}

const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6;

/** The activation that x·f(x) is, f being the steps from x on; undefined where it is none of its own. */
function gateOf(steps: readonly Step[]): Attrs | undefined {
  const [first] = steps;
  const ops = steps.map((s) => s.op).join();
  if (first === undefined) return undefined;
  if (ops === 'sigmoid') return { op: 'silu', alpha: 1, beta: 0 };
  if (ops === 'scale,sigmoid' && first.beta === 0) return { op: 'silu', alpha: first.alpha, beta: 0 };
  if (ops === 'hard_sigmoid' && near(first.alpha, 1 / 6) && near(first.beta, 0.5)) return { op: 'hard_swish', alpha: 0, beta: 0 };
  return ops === 'softplus,tanh' ? { op: 'mish', alpha: 0, beta: 0 } : undefined;
}

/** Products of an activation with a function of itself become the activation function that they are (SiLU, hard swish, Mish). */
export function fuseGates(graph: Graph): Graph {
  const producers = new Map(graph.layers.flatMap((l) => l.outputs.map((o) => [o, l] as const)));
  const uses = new Map<string, number>();
  for (const name of [...graph.layers.flatMap((l) => l.inputs), ...graph.outputs]) uses.set(name, (uses.get(name) ?? 0) + 1);
  /** The steps from x to `name`, none of whose results anything else reads. */
  const stepsFrom = (x: string, name: string): Step[] | undefined => {
    const steps: Step[] = [];
    for (let at = name; at !== x; ) {
      const layer = producers.get(at);
      if (layer?.kind !== 'unary' || uses.get(at) !== 1) return undefined;
      steps.unshift(unaryOf(layer.attrs));
      at = layer.inputs[0] ?? '';
    }
    return steps;
  };
  const fused = (layer: Layer): Layer => {
    if (layer.kind !== 'mul') return layer;
    const [a = '', b = ''] = layer.inputs;
    for (const [x, gate] of [
      [a, b],
      [b, a],
    ] as const) {
      const attrs = x === gate ? undefined : gateOf(stepsFrom(x, gate) ?? []);
      if (attrs) return { ...layer, kind: 'unary', inputs: [x], attrs };
    }
    return layer;
  };
  return { ...graph, layers: graph.layers.map(fused) };
}
