import { describe, expect, it } from 'vitest';
import { formatDiagnostic, WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Values } from '../../ir/layers/record.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import {
  type Choices,
  type Compiled,
  compileGraph,
  farFrom,
  groups,
  inputsOf,
  KEEP,
  machineWith,
  run,
  runFunctional,
  smallestBuffer,
  tensorsIn,
  verify,
} from './execute.ts';
import { MIDDLES, modelOf } from './layers.ts';
import { residualNetwork } from './network.ts';

/** Euclidean distance, relative: what another order of adding in f32 does to sums over samples, and to what is computed of them. */
const REORDERED = 1e-5;

/** Names of tensors that differ in a bit. */
function changed(one: ReadonlyMap<string, Values>, two: ReadonlyMap<string, Values>, batched: (name: string) => boolean): string[] {
  return [...two].flatMap(([name, v]) => {
    const other = one.get(name);
    const same = other === undefined || (v.length === other.length && v.every((x, i) => Object.is(x, other[i])));
    return batched(name) && !same ? [name] : [];
  });
}

/** The step of one core on the whole mini-batch, and of two cores on a half each. */
function both(imported: Graph, choices: Choices): { readonly one: Compiled; readonly two: Compiled } {
  return {
    one: compileGraph(imported, { ...choices, machine: machineWith(10240) }),
    two: compileGraph(imported, { ...choices, cores: 2 }),
  };
}

/** Runs both, and compares them; the tensors of the run of two cores. */
function compare({ one, two }: ReturnType<typeof both>): void {
  const inputs = inputsOf(one.graph);
  const [alone, shared] = [runFunctional(one, inputs), runFunctional(two, inputs)];
  expect(verify(two.program, shared)).toEqual({ ok: true, problems: [] });
  const timing = run(two.program, { mode: 'timing', check: true });
  expect((timing.check?.findings ?? []).map(formatDiagnostic)).toEqual([]);
  expect([timing.cycles, timing.byLayer, timing.units]).toEqual([shared.cycles, shared.byLayer, shared.units]);
  const [a, b] = [tensorsIn(one, alone), tensorsIn(two, shared)];
  expect(changed(a, b, (name) => two.graph.tensors.get(name)?.batched === true)).toEqual([]);
  const common = new Map([...b].filter(([name]) => a.has(name)));
  expect(common.size).toBeGreaterThan(0);
  expect(farFrom(a, common, REORDERED)).toEqual([]);
}

describe('two cores compute the step of one core on the whole mini-batch', () => {
  const cases = SCHEDULES.flatMap((schedule) => [10240, 64].map((kib) => [schedule, kib] as const));

  it.each(cases)('residual network: %s, %i KiB', (schedule, kib) => {
    const imported = importModel(residualNetwork(14), { file: 'residual', mode: 'training' });
    const programs = both(imported, { schedule, norm: groups(8), machine: machineWith(kib), lossScale: 64, optimizer: 'momentum' });
    expect(survivesAssembly(programs.two.program)).toBe(true);
    compare(programs);
  });

  it('cuts the samples of a core unevenly somewhere', () => {
    const imported = importModel(residualNetwork(14), { file: 'residual', mode: 'training' });
    const { scheduled } = compileGraph(imported, { schedule: 'mbs2', norm: groups(8), machine: machineWith(64), cores: 2 });
    expect(scheduled.schedule.groups.some(({ subBatch }) => 7 % subBatch !== 0)).toBe(true);
  });

  it.each(Object.entries(MIDDLES))('%s', (_name, middle) => {
    const imported = importModel(modelOf(middle, 6, false), { file: 'net', mode: 'training' });
    for (const schedule of ['baseline', 'mbs2'] as const) {
      const choices: Choices = { schedule, norm: groups(4), lossScale: 64, optimizer: 'none' };
      const machine = machineWith(smallestBuffer(imported, { ...choices, cores: 2 }, [24, 32, 40, 48, 64, 96]));
      compare(both(imported, { ...choices, machine }));
    }
  });

  it('in inference, without anything to add up', () => {
    const imported = importModel(residualNetwork(6), { file: 'residual', mode: 'inference' });
    const programs = both(imported, { schedule: 'mbs2', mode: 'inference', machine: machineWith(64) });
    expect(programs.two.program.code.some(({ op }) => op === 'barrier')).toBe(false);
    compare(programs);
  });
});

describe('what cores cannot divide', () => {
  const refusal = (batch: number, choices: Omit<Choices, 'schedule'>): string[] => {
    const imported = importModel(residualNetwork(batch), { file: 'residual', mode: 'training' });
    try {
      compileGraph(imported, { schedule: 'mbs2', cores: 2, ...choices });
    } catch (error) {
      return error instanceof WavecError ? error.diagnostics.map(({ code }) => code) : expect.unreachable();
    }
    return expect.unreachable();
  };

  it('batch normalization that is kept couples their samples', () => {
    expect(new Set(refusal(8, { norm: KEEP }))).toEqual(new Set(['COUPLED_CORES']));
  });

  it('a mini-batch without as many samples for each', () => {
    expect(refusal(7, { norm: groups(8) })).toEqual(['UNEVEN_CORES']);
  });
});
