import { describe, expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { parse } from '../../ir/parse.ts';
import { print } from '../../ir/print.ts';
import { verify } from '../../ir/verify.ts';
import { fuseUpdates, pairsOf } from '../../passes/mbs/fuse-update.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { importModel } from '../../src/onnx/index.ts';
import { type Choices, groups, inputsOf, optionsOf } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';

function stepOf(choices: Partial<Choices> = {}): Graph {
  const imported = importModel(residualNetwork(3), { file: 'residual', mode: 'training' });
  const options = optionsOf({ schedule: 'mbs2', norm: groups(4), optimizer: 'momentum', ...choices });
  return runPipeline(imported, options, { stopAfter: 'training' }).graph;
}

const fused = (graph: Graph): Graph => fuseUpdates(graph, pairsOf(graph));
const names = (graph: Graph): string[] => graph.layers.map(({ name }) => name);
const without = (graph: Graph, layer: string): Graph => ({ ...graph, layers: graph.layers.filter(({ name }) => name !== layer) });

describe('weight gradients and updates as one layer', () => {
  it.each(['sgd', 'momentum', 'adam', 'adamw'] as const)('%s: a sound graph that computes the same', (optimizer) => {
    const graph = stepOf({ optimizer });
    const joined = fused(graph);
    expect(verify(joined)).toEqual([]);
    expect(print(parse(print(joined)))).toBe(print(joined));
    expect(new Set(joined.tensors.keys())).toEqual(new Set(graph.tensors.keys()));
    expect(joined.outputs).toEqual(graph.outputs);
    const inputs = inputsOf(graph);
    expect(new Map([...evaluate(joined, inputs)].sort())).toEqual(new Map([...evaluate(graph, inputs)].sort()));
    expect(fused(joined)).toBe(joined);
  });

  it('come behind the data gradient, which reads the weights before', () => {
    const joined = fused(stepOf());
    const of = names(joined).filter((name) => name.startsWith('conv7.'));
    expect(of).toEqual(['conv7.grad.data', 'conv7.grad.weight.update']);
    const layer = joined.layers.find(({ name }) => name === 'conv7.grad.weight.update') ?? expect.unreachable();
    expect(layer.kind).toBe('conv_grad_weight_momentum');
    expect(layer.origin).toBe('conv7 + conv7.w');
    expect(layer.inputs.slice(2)).toEqual(['conv7.w.master', 'conv7.w.velocity', 'training.control', 'training.learning_rate']);
    expect(layer.outputs.length).toBe(4);
  });

  it('would be no sound graph before it', () => {
    const joined = fused(stepOf());
    const at = names(joined).indexOf('conv7.grad.data');
    const layers = [...joined.layers];
    layers.splice(at, 2, ...layers.slice(at, at + 2).reverse());
    expect(verify({ ...joined, layers }).map(({ message }) => message)).toEqual([
      expect.stringContaining("is read after 'conv7.w.next' has overwritten it"),
    ]);
  });

  it('leave alone what is needed elsewhere', () => {
    const graph = stepOf();
    const all = pairsOf(graph).length;
    expect(all).toBe(5);
    const reader = graph.layers.find(({ name }) => name === 'conv7.w.update') ?? expect.unreachable();
    const twice = { ...graph, layers: [...graph.layers, { ...reader, name: 'second', outputs: [] }] };
    expect(pairsOf(twice).length).toBe(all - 1);
    // Another unit reads the weights behind the gradient.
    const data = graph.layers.find(({ name }) => name === 'conv7.grad.data') ?? expect.unreachable();
    const late = without(graph, data.name).layers.flatMap((layer) =>
      layer.name === 'conv0.grad.weight' ? [layer, { ...data, unit: 'late' }] : [layer],
    );
    expect(pairsOf({ ...graph, layers: late }).length).toBe(all - 1);
  });

  it('leave alone what depends on all gradients, and words that are made from other betas', () => {
    expect(pairsOf(stepOf({ dynamicLossScale: true }))).toEqual([]);
    const graph = stepOf({ optimizer: 'adam' });
    const layers = graph.layers.map((layer) =>
      layer.kind === 'step_control' ? { ...layer, attrs: { ...layer.attrs, beta2: 0.5 } } : layer,
    );
    expect(pairsOf(graph).length).toBe(5);
    expect(pairsOf({ ...graph, layers })).toEqual([]);
  });
});
