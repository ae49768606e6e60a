import { expect, it } from 'vitest';
import { passedElements } from '../../passes/mbs/vector-use.ts';
import { importModel } from '../../src/onnx/index.ts';
import { compileGraph, groups, run } from './execute.ts';
import { residualNetwork } from './network.ts';

/** Kinds whose passes the model counts exactly; beside them an execution clears sums, ends them, and works out factors of channels. */
const KINDS = ['norm_stats', 'norm_apply', 'norm_grad_reduce', 'norm_grad_apply'];

it.each([
  ['mbs2', ['relu', 'relu_grad', 'add']],
  ['opt', ['add_relu', 'norm_relu', 'norm_relu_grad_reduce', 'norm_relu_grad_apply']],
] as const)('the vector unit passes over as many elements as the schedule is made for: %s', (schedule, sums) => {
  const kinds: readonly string[] = [...KINDS, ...sums];
  const imported = importModel(residualNetwork(4, 32), { file: 'residual', mode: 'training' });
  const { scheduled, program } = compileGraph(imported, { schedule, objective: 'energy', norm: groups(8) });
  const executed = new Map(run(program, { mode: 'timing' }).layers.map(({ layer, vectorOps }) => [layer, vectorOps]));
  const { network } = scheduled;
  const found = new Set<string>();
  for (const view of network.layers) {
    const { name, kind } = view.layer;
    if (!kinds.includes(kind)) continue;
    found.add(kind);
    const share = (executed.get(name) ?? 0) / passedElements(view, network.batch);
    expect(share, name).toBeGreaterThanOrEqual(1);
    expect(share, name).toBeLessThan(1.25);
  }
  expect([...found].sort()).toEqual([...kinds].sort());
});
