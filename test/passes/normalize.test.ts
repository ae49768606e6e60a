import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { verify } from '../../ir/verify.ts';
import { largestDivisor, type NormChoice, normalize } from '../../passes/normalize.ts';
import { importModel } from '../../src/onnx/index.ts';
import { distance, groups, inputsOf, KEEP } from '../chain/execute.ts';
import { NetworkBuilder, type Value } from '../chain/network.ts';
import { buildNetwork, randomNetwork } from './graphs.ts';

type Mode = 'training' | 'inference';

function network(grow: (b: NetworkBuilder) => Value, mode: Mode): Graph {
  const b = new NetworkBuilder([2, 3, 6, 6]);
  return importModel(b.model(grow(b)), { file: 'model', mode });
}

function normalized(graph: Graph, mode: Mode, norm: NormChoice): Graph {
  const result = normalize(graph, { mode, norm });
  expect(verify(result)).toEqual([]);
  expect(result.layers.map((l) => l.kind)).not.toContain('batch_norm');
  return result;
}

const kinds = (graph: Graph): string[] => graph.layers.map((l) => l.kind);

function outputsOf(graph: Graph): Float64Array[] {
  const results = evaluate(graph, inputsOf(graph));
  return graph.outputs.map((o) => results.get(o) ?? new Float64Array());
}

describe('batch normalization', () => {
  it('becomes statistics of each channel over the mini-batch and their application, in training', () => {
    const graph = normalized(
      network((b) => b.norm(b.conv(b.input, 12, { kernel: 3 })), 'training'),
      'training',
      KEEP,
    );
    expect(kinds(graph)).toEqual(['conv', 'norm_stats', 'norm_apply']);
    const [, stats, apply] = graph.layers;
    expect(stats?.attrs).toMatchObject({ groups: 12, crossSample: true });
    expect(stats?.attrs.epsilon).toBeCloseTo(1e-3);
    expect(apply?.inputs.slice(2)).toEqual(['norm1.gamma', 'norm1.beta']);
    const results = evaluate(graph, inputsOf(graph));
    const x = results.get(apply?.inputs[0] ?? '') ?? expect.unreachable();
    const before = results.get('norm1.mean') ?? expect.unreachable();
    results.get('norm1.mean.next')?.forEach((mean, c) => {
      const channel = x.filter((_, i) => Math.floor(i / 16) % 12 === c);
      expect(mean).toBeCloseTo(0.9 * (before[c] ?? 0) + 0.1 * (channel.reduce((a, b) => a + b, 0) / channel.length), 9);
    });
    expect(graph.tensors.get('norm1.variance.next')).toMatchObject({ kind: 'statistics', storage: 'norm1.variance' });
    const y = results.get('norm1') ?? expect.unreachable();
    const [gamma, beta] = ['norm1.gamma', 'norm1.beta'].map((name) => results.get(name) ?? expect.unreachable());
    for (let c = 0; c < 12; c++) {
      const channel = y.filter((_, i) => Math.floor(i / 16) % 12 === c);
      const mean = channel.reduce((a, b) => a + b, 0) / channel.length;
      const deviation = Math.sqrt(channel.reduce((a, b) => a + (b - mean) ** 2, 0) / channel.length);
      expect(mean).toBeCloseTo(beta?.[c] ?? Number.NaN, 6);
      expect(deviation).toBeCloseTo(gamma?.[c] ?? Number.NaN, 2);
    }
  });

  it('becomes group normalization of the largest divisor of the channels, in both modes', () => {
    for (const mode of ['training', 'inference'] as const) {
      const graph = normalized(
        network((b) => b.norm(b.conv(b.input, 12, { kernel: 3 })), mode),
        mode,
        groups(5),
      );
      expect(kinds(graph)).toEqual(['conv', 'norm_stats', 'norm_apply']);
      expect(graph.layers[1]?.attrs).toMatchObject({ groups: 3, crossSample: false });
    }
  });

  it('is folded into the convolution before it, in inference', () => {
    const grow = (b: NetworkBuilder): Value =>
      b.relu(b.norm(b.conv(b.relu(b.norm(b.conv(b.input, 8, { kernel: 3 }))), 6, { kernel: 1 }, { bias: true })));
    const graph = network(grow, 'inference');
    const folded = normalized(graph, 'inference', KEEP);
    expect(kinds(folded)).toEqual(['conv', 'relu', 'conv', 'relu']);
    expect(distance(outputsOf(folded)[0], outputsOf(graph)[0])).toBeLessThan(1e-6);
  });

  it('becomes a scale and shift where the convolution has another reader, or there is none', () => {
    const grow = (b: NetworkBuilder): Value => {
      const x = b.conv(b.norm(b.relu(b.input)), 8, { kernel: 3 });
      return b.relu(b.sum(b.norm(x), x));
    };
    const graph = network(grow, 'inference');
    const result = normalized(graph, 'inference', KEEP);
    expect(kinds(result)).toEqual(['relu', 'affine', 'conv', 'affine', 'add', 'relu']);
    expect(distance(outputsOf(result)[0], outputsOf(graph)[0])).toBeLessThan(1e-6);
  });

  it('inference gives the same results, whatever the network', () => {
    fc.assert(
      fc.property(randomNetwork, (choice) => {
        const graph = buildNetwork({ ...choice, batch: 2, size: 7 }, 'inference');
        expect(distance(outputsOf(normalized(graph, 'inference', KEEP))[0], outputsOf(graph)[0])).toBeLessThan(1e-5);
      }),
      { numRuns: 15, seed: 2 },
    );
  });

  it('keeps the names of outputs', () => {
    for (const mode of ['training', 'inference'] as const) {
      const graph = network((b) => b.norm(b.conv(b.input, 8, { kernel: 3 })), mode);
      expect(normalized(graph, mode, KEEP).outputs).toEqual(graph.outputs);
    }
  });
});

describe('largestDivisor', () => {
  it('is the largest divisor that is at most the wish', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 64 }), (channels, limit) => {
        const divisors = Array.from({ length: limit }, (_, i) => i + 1).filter((d) => channels % d === 0);
        expect(largestDivisor(channels, limit)).toBe(Math.max(...divisors));
      }),
    );
  });
});
