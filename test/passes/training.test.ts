import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../ir/build.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { f16 } from '../../ir/layers/types.ts';
import { verify } from '../../ir/verify.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { normalize } from '../../passes/normalize.ts';
import { withDefaults } from '../../passes/training/defaults.ts';
import { deriveTraining } from '../../passes/training/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { gradientsOf, largest, numericGradient } from '../chain/differences.ts';
import { groups, inputsOf, KEEP } from '../chain/execute.ts';
import { NetworkBuilder } from '../chain/network.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

const OPTIONS = withDefaults({ optimizer: 'sgd', weightDecay: 0.01, lossScale: 4 });

function training(graph: Graph, norm: NormChoice = KEEP, options = OPTIONS): Graph {
  return deriveTraining(normalize(graph, { mode: 'training', norm }), options);
}

/** Every parameter's gradient at its largest element and at its first, against finite differences of the loss in f64. */
function expectGradients(graph: Graph, tolerance: number): void {
  expect(verify(graph)).toEqual([]);
  const inputs = inputsOf(graph);
  const results = evaluate(graph, inputs);
  const gradients = gradientsOf(graph);
  const parameters = [...graph.tensors.values()].filter((t) => t.kind === 'weight' && t.storage === undefined && t.constant !== undefined);
  expect(new Set(gradients.keys())).toEqual(new Set(parameters.map((t) => t.name)));
  const values = [...gradients].map(([parameter, name]) => ({ parameter, gradient: results.get(name) ?? expect.unreachable() }));
  const scale = Math.max(...values.flatMap(({ gradient }) => Array.from(gradient, Math.abs)));
  for (const { parameter, gradient } of values) {
    for (const at of [largest(gradient), 0]) {
      const numeric = numericGradient(graph, inputs, parameter, at, OPTIONS.lossScale);
      expect(Math.abs((gradient[at] ?? Number.NaN) - numeric) / scale, `${parameter}[${at}]`).toBeLessThan(tolerance);
    }
  }
}

function model(grow: (b: NetworkBuilder) => Uint8Array, shape: readonly number[] = [3, 2, 6, 6]): Graph {
  return importModel(grow(new NetworkBuilder(shape, 4)), { file: 'model', mode: 'training' });
}

describe('training steps', () => {
  it('the gradients of random networks are those of finite differences', () => {
    // Small, because every difference takes two forward passes; a step of 1e-6 across a kink would show, so the inputs are fixed.
    const small = randomNetwork.map((n) => ({ ...n, batch: 2, size: 6, channels: 4, layers: n.layers.slice(0, 4) }));
    fc.assert(
      fc.property(small, fc.constantFrom(KEEP, groups(2)), (network, norm) => expectGradients(training(buildNetwork(network), norm), 1e-5)),
      { numRuns: 12, seed: 3 },
    );
  });

  it('LRN, dropout, concatenation and several fully connected layers', () => {
    const graph = model((b) => {
      const x = b.lrn(b.relu(b.conv(b.input, 6, { kernel: 3, pad: 1 })));
      const y = b.concat(x, b.maxPool(b.conv(x, 3, { kernel: 3, pad: 2, dilation: 2 }), { kernel: 3, stride: 1, pad: 1 }));
      return b.model(b.full(b.dropout(b.relu(b.full(b.flatten(y), 12))), 10));
    });
    expectGradients(training(graph), 1e-5);
  });

  it('an auxiliary output adds its loss with its weight', () => {
    const graph = model((b) => {
      const x = b.relu(b.conv(b.input, 4, { kernel: 3 }));
      return b.model(b.full(b.flatten(b.conv(x, 4, { kernel: 3 })), 10), b.full(b.flatten(x), 10));
    });
    const step = training(graph);
    expect(step.layers.filter((l) => l.kind === 'softmax_loss').map((l) => l.attrs.weight)).toEqual([1, 0.3]);
    expectGradients(step, 1e-5);
  });

  it('the loss absorbs a final softmax, and views of it', () => {
    const graph = model((b) => b.model(b.flatten(b.softmax(b.full(b.flatten(b.input), 10)))));
    expect(graph.layers.some((l) => l.kind === 'softmax')).toBe(true);
    const step = training(graph);
    expect(step.layers.some((l) => l.kind === 'softmax')).toBe(false);
    expect(step.tensors.get(step.outputs[0] ?? '')).toMatchObject({ kind: 'output', type: { shape: [3, 10] } });
    expectGradients(step, 1e-6);
  });

  it('marks as stash what backward reads of forward, and nothing else', () => {
    fc.assert(
      fc.property(randomNetwork, (network) => {
        const graph = training(buildNetwork(network), groups(4));
        const backward = graph.layers.filter((l) => l.phase === 'backward');
        const read = new Set(backward.flatMap((l) => l.inputs));
        const views = graph.layers.filter((l) => l.kind === 'reshape' && l.phase === 'forward').reverse();
        for (const l of views) if (read.has(l.outputs[0] ?? '')) for (const i of l.inputs) read.add(i);
        for (const layer of graph.layers.filter((l) => l.phase === 'forward')) {
          for (const output of layer.outputs) {
            const kind = graph.tensors.get(output)?.kind;
            if (kind === 'stash' || kind === 'activation') expect(kind, output).toBe(read.has(output) ? 'stash' : 'activation');
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('computes no data gradient of the network input', () => {
    const graph = training(model((b) => b.model(b.full(b.flatten(b.conv(b.input, 4, { kernel: 3 })), 10))));
    expect(graph.layers.filter((l) => l.phase === 'backward').map((l) => l.kind)).not.toContain('conv_grad_data');
  });

  it('updates by stochastic gradient descent, with and without momentum', () => {
    const graph = model((b) => b.model(b.full(b.flatten(b.input), 10)));
    for (const optimizer of ['sgd', 'momentum'] as const) {
      const step = training(graph, KEEP, { ...OPTIONS, optimizer });
      const results = evaluate(step, inputsOf(step));
      for (const [parameter, gradientName] of gradientsOf(step)) {
        const before = results.get(parameter) ?? expect.unreachable();
        const gradient = results.get(gradientName) ?? expect.unreachable();
        const name = step.outputs.find((o) => step.tensors.get(o)?.storage === parameter);
        const after = results.get(name ?? '');
        // The velocity starts at 0, so that the first step is the same for both.
        before.forEach((w, i) => expect(after?.[i]).toBeCloseTo(w - 0.1 * ((gradient[i] ?? 0) / 4 + 0.01 * w), 9));
      }
    }
    const none = training(graph, KEEP, { ...OPTIONS, optimizer: 'none' });
    expect(none.outputs.map((o) => none.tensors.get(o)?.kind)).toEqual(['output', 'output', 'weightGradient', 'weightGradient']);
  });

  it('refuses parameters that two layers share, by name, and networks without any', () => {
    const builder = new GraphBuilder('tied', 2);
    const x = builder.input('x', f16([2, 4]));
    const w = builder.constant('shared', f16([4, 4]), 'weight', { form: 'splat', value: 1 });
    const [hidden = ''] = builder.layer({ kind: 'gemm', name: 'one', inputs: [x, w] });
    const tied = builder.finish(builder.layer({ kind: 'gemm', name: 'two', inputs: [hidden, w] }));
    const problems = (graph: Graph): unknown => {
      try {
        return training(graph);
      } catch (error) {
        return error instanceof WavecError ? error.diagnostics : error;
      }
    };
    expect(problems(tied)).toMatchObject([{ code: 'TIED_PARAMETER', place: { tensor: 'shared' } }]);
    const bare = new GraphBuilder('bare', 2);
    expect(problems(bare.finish(bare.layer({ kind: 'relu', name: 'r', inputs: [bare.input('x', f16([2, 4]))] })))).toMatchObject([
      { code: 'NO_PARAMETERS' },
    ]);
  });
});
