import { describe, expect, it } from 'vitest';
import { estimateOf } from '../../backends/wavecore/estimate.ts';
import type { Values } from '../../ir/layers/record.ts';
import { Lexer } from '../../ir/lexer.ts';
import type { Estimate } from '../../passes/mbs/opt/fastest.ts';
import { parseSchedule } from '../../passes/mbs/parse.ts';
import { printSchedule } from '../../passes/mbs/print.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import {
  type Choices,
  compileGraph,
  farFrom,
  groups,
  inputsOf,
  machineWith,
  optionsOf,
  run,
  runFunctional,
  tensorsIn,
  verify,
} from './execute.ts';
import { importedNetworks, NETWORKS } from './modules.ts';

/** Euclidean distance, relative: what another order of adding in f32 does to sums over samples, and to what is computed of them. */
const REORDERED = 1e-5;

function choicesOf(kib: number, estimate: Estimate): Choices {
  const common = { norm: groups(8), machine: machineWith(kib), optimizer: 'momentum', lossScale: 64 } as const;
  return { schedule: 'opt', objective: 'time', estimate, ...common };
}

/** Prefers iterations that alternate, on the largest or the smallest sub-batches. */
const alternating =
  (sign: 1 | -1): Estimate =>
  (_, { alternating: distance, subBatch }) =>
    (distance === undefined ? 1e9 : 1e6) + sign * subBatch;

const graphOf = importedNetworks(7);
const baselines = new Map<string, ReadonlyMap<string, Values>>();

function baselineOf(name: string): ReadonlyMap<string, Values> {
  const graph = graphOf(name);
  const c = compileGraph(graph, { ...choicesOf(10240, alternating(1)), schedule: 'baseline' });
  const values = baselines.get(name) ?? tensorsIn(c, runFunctional(c, inputsOf(c.graph)));
  baselines.set(name, values);
  return values;
}

describe('iterations that alternate between two places compute what the others do', () => {
  it.each([
    ['residual', -1],
    ['residual', 1],
    ['dense', -1],
    ['two losses', 1],
  ] as const)('%s, sub-batches %i', (name, sign) => {
    const choices = choicesOf(160, alternating(sign));
    const c = compileGraph(graphOf(name), choices);
    const { network, schedule } = c.scheduled;
    const own = schedule.groups.filter((group) => group.alternating !== undefined);
    expect(own.length).toBeGreaterThan(0);
    expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
    expect(parseSchedule(new Lexer(printSchedule(schedule), 'schedule')).schedule).toEqual(schedule);
    expect(survivesAssembly(c.program)).toBe(true);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    const expected = baselineOf(name);
    const values = new Map([...tensorsIn(c, result)].filter(([tensor]) => expected.has(tensor)));
    expect(values.size).toBeGreaterThan(20);
    const isSum = (tensor: string): boolean => c.graph.tensors.get(tensor)?.batched !== true;
    const changed = [...values].filter(([tensor, v]) => !isSum(tensor) && !v.every((x, i) => Object.is(x, expected.get(tensor)?.[i])));
    expect(changed.map(([tensor]) => tensor)).toEqual([]);
    expect(farFrom(expected, values, REORDERED)).toEqual([]);
  });

  it('on two cores, each with its own samples', () => {
    const graph = importModel(NETWORKS.residual?.(8) ?? expect.unreachable(), { file: 'residual', mode: 'training' });
    const c = compileGraph(graph, { ...choicesOf(160, alternating(-1)), cores: 2 });
    expect(c.scheduled.schedule.groups.some((group) => group.alternating !== undefined)).toBe(true);
    const result = run(c.program, { mode: 'timing', check: true });
    expect([result.check?.findings, verify(c.program, result).problems]).toEqual([[], []]);
  });
});

describe('the schedule that is estimated to end first', () => {
  it.each(['residual', 'two losses'])('%s takes hardly longer than that of mbs2 when it runs', (name) => {
    const graph = graphOf(name);
    const choices = choicesOf(256, estimateOf(machineWith(256)));
    const cycles = (own: Choices): number => run(compileGraph(graph, own).program, { mode: 'timing' }).cycles;
    expect(cycles(choices)).toBeLessThan(1.05 * cycles({ ...choices, schedule: 'mbs2' }));
  });
});
