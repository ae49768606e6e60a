import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../ir/interpret.ts';
import type { Values } from '../../ir/layers/record.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { gradientsOf, largest, numericGradient } from './differences.ts';
import {
  type Compiled,
  compileGraph,
  distance,
  farFrom,
  groups,
  inputsOf,
  KEEP,
  machineWith,
  run,
  runFunctional,
  tensorsIn,
  verify,
} from './execute.ts';
import { residualNetwork } from './network.ts';

/** Euclidean distance, relative, from the reference kernels that round every f16 tensor as the core does. */
const ROUNDED = 2e-3;
/**
 * The same from the step in f64: where rounding turns a ReLU near 0 or a maximum near a tie over, a whole term of a gradient
 * moves; batch normalization cancels most of the gradient, so that what remains is larger beside it.
 */
const EXACT = 1e-1;
const LOSS_SCALE = 64;

const imported = importModel(residualNetwork(8), { file: 'residual', mode: 'training' });
const NORMS: readonly (readonly [string, NormChoice])[] = [
  ['batch normalization', KEEP],
  ['group normalization', groups(8)],
];
/** KiB of the global buffer: all of the mini-batch fits, or only a few samples of it. */
const BUFFERS = [10240, 64];

function compiled(schedule: ScheduleName, norm: NormChoice, kib: number, fusedUpdates = true): Compiled {
  const choices = { schedule, norm, machine: machineWith(kib), lossScale: LOSS_SCALE, optimizer: 'momentum' as const, fusedUpdates };
  return compileGraph(imported, choices);
}

/** Equal number by number; faster than a deep comparison. */
function sameValues(a: Values, b: Values | undefined): boolean {
  return a.length === b?.length && a.every((v, i) => Object.is(v, b[i]));
}

describe.each(NORMS)('a residual network with %s', (_name, norm) => {
  let rounded: Map<string, Values>;
  let exact: Map<string, Values>;
  /** What the baseline left in DRAM, where every tensor passes. */
  let baseline: Map<string, Values>;

  beforeAll(() => {
    const c = compiled('baseline', norm, 10240);
    const inputs = inputsOf(c.graph);
    rounded = evaluate(c.graph, inputs, { round: 'f16' });
    exact = evaluate(c.graph, inputs);
    baseline = tensorsIn(c, runFunctional(c, inputs));
  });

  const runs = SCHEDULES.flatMap((schedule) => BUFFERS.map((kib) => [schedule, kib] as const));

  it.each(runs)('%s, %i KiB: values, traffic and cycles', (schedule, kib) => {
    const c = compiled(schedule, norm, kib);
    expect(survivesAssembly(c.program)).toBe(true);
    const result = runFunctional(c, inputsOf(c.graph));
    const timing = run(c.program, { mode: 'timing' });
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    expect({ cycles: timing.cycles, byLayer: timing.byLayer, energy: timing.energy }).toEqual({
      cycles: result.cycles,
      byLayer: result.byLayer,
      energy: result.energy,
    });
    const values = tensorsIn(c, result);
    expect(farFrom(rounded, values, ROUNDED)).toEqual([]);
    const gradients = new Map([...gradientsOf(c.graph)].map(([, gradient]) => [gradient, values.get(gradient) ?? new Float64Array()]));
    // The others stay on chip until their update, whose results are among the values.
    const updated = c.scheduled.network.layers.filter(({ update }) => update !== undefined);
    expect(gradients.size + updated.length).toBe(14);
    expect(farFrom(exact, gradients, EXACT)).toEqual([]);
    if (norm.kind === 'keep') return;
    // Without coupling between samples, only sums over samples depend on the schedule.
    for (const [name, v] of values) {
      const { kind, batched } = c.graph.tensors.get(name) ?? expect.unreachable();
      if (batched && kind !== 'weightGradient') expect(sameValues(v, baseline.get(name)), name).toBe(true);
    }
  });

  it('the gradients of convolutions and of the fully connected layer are those of finite differences', () => {
    const c = compiled('mbs2', norm, 64, false);
    const inputs = inputsOf(c.graph);
    const values = tensorsIn(c, runFunctional(c, inputs));
    for (const [parameter, name] of gradientsOf(c.graph)) {
      if (c.graph.tensors.get(parameter)?.type.shape.length === 1) continue;
      const gradient = values.get(name) ?? new Float64Array();
      const at = largest(gradient);
      const numeric = numericGradient(c.graph, inputs, parameter, at, LOSS_SCALE);
      expect(distance(gradient.subarray(at, at + 1), Float64Array.of(numeric)), parameter).toBeLessThan(EXACT);
    }
  });
});

describe('serialization', () => {
  it('cuts the mini-batch where the buffer is small, and lowers traffic', () => {
    const traffic = (schedule: ScheduleName): number => run(compiled(schedule, groups(8), 64).program, { mode: 'timing' }).traffic.total;
    const c = compiled('mbs2', groups(8), 64);
    expect(Math.min(...c.scheduled.schedule.groups.map((g) => g.subBatch))).toBeLessThan(8);
    expect(traffic('mbs2')).toBeLessThanOrEqual(traffic('mbs1'));
    expect(traffic('mbs2')).toBeLessThan(0.8 * traffic('baseline'));
  });
});
