import { expect, it } from 'vitest';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, groups, machineWith } from './execute.ts';
import { NetworkBuilder } from './network.ts';

/** A rectified normalization whose sample is most of what lies in the buffer. */
function wide(): Uint8Array {
  const b = new NetworkBuilder([2, 3, 32, 32], 4);
  const x = b.relu(b.norm(b.conv(b.input, 8, { kernel: 3, pad: 1 })));
  return b.model(b.full(b.flatten(b.globalPool(b.conv(x, 4, { kernel: 1 }))), 3));
}

it('normalizations are joined where the buffer has room for whole samples, and nothing is refused where it has not', () => {
  const graph = importModel(wide(), { file: 'wide', mode: 'training' });
  const kindsOn = (kib: number): Set<string> => {
    const choices = { norm: groups(4), machine: machineWith(kib), schedule: 'opt', objective: 'energy' } as const;
    return new Set(compileGraph(graph, choices).graph.layers.map(({ kind }) => kind));
  };
  const found = Array.from({ length: 12 }, (_, i) => kindsOn(24 + 8 * i));
  const joined = (kind: string): number => found.filter((kinds) => kinds.has(kind)).length;
  expect([joined('norm_relu_grad_apply') > 0, joined('norm_grad_apply') > 0]).toEqual([true, true]);
});
