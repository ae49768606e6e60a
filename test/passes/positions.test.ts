import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { accumulateEarly } from '../../passes/mbs/accumulate.ts';
import { type Network, networkOf } from '../../passes/mbs/network.ts';
import { positionsOf } from '../../passes/mbs/opt/positions.ts';
import { orderByLiveness } from '../../passes/mbs/order.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { importModel } from '../../src/onnx/index.ts';
import { groups, optionsOf } from '../chain/execute.ts';

/** The step of a bundled model in the order in which it is scheduled. */
function networkFor(name: string): Network {
  const model = readFileSync(new URL(`../../examples/models/${name}.train.onnx`, import.meta.url));
  const graph = importModel(model, { file: name, mode: 'training', batch: 4 });
  const trained = runPipeline(graph, optionsOf({ schedule: 'opt', norm: groups(16), optimizer: 'momentum' }), {
    stopAfter: 'training',
  }).graph;
  return networkOf(accumulateEarly(orderByLiveness(trained)), 1);
}

/** Forward results behind a position that backward layers before it read: no segment stores them for those. What the losses leave is stored always. */
function strays({ layers }: Network, forward: number, backward: number): string[] {
  const phase = (name: string) => layers.filter((view) => view.phase === name);
  const behind = phase('forward').filter(({ index }) => index >= forward);
  const made = new Set(
    behind.flatMap(({ outputs }) => outputs.flatMap(({ tensor, kind }) => (kind === 'activationGradient' ? [] : [tensor]))),
  );
  return phase('backward')
    .filter(({ index }) => index >= backward)
    .flatMap((view) => view.inputs.flatMap(({ tensor }) => (made.has(tensor) ? [`${view.layer.name} reads ${tensor}`] : [])));
}

describe('positions', () => {
  it.each(['resnet50', 'inception_v3', 'inception_v4', 'densenet121'])(
    'of %s: backward reads nothing of the pieces that it comes behind',
    (name) => {
      const network = networkFor(name);
      const { all } = positionsOf(network);
      expect(all.length).toBeGreaterThan(5);
      const found = all.slice(1, -1).flatMap(({ forward, backward = 0 }) => strays(network, forward, backward));
      expect(found).toEqual([]);
    },
  );
});
