import { describe, expect, it } from 'vitest';
import { estimateOf } from '../../backends/wavecore/estimate.ts';
import { generate } from '../../backends/wavecore/generate.ts';
import type { RunResult } from '../../backends/wavecore/interpreter/result.ts';
import { measureOf } from '../../backends/wavecore/measure.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Values } from '../../ir/layers/record.ts';
import { Lexer } from '../../ir/lexer.ts';
import type { Network } from '../../passes/mbs/network.ts';
import type { Estimate } from '../../passes/mbs/opt/timer.ts';
import { parseSchedule } from '../../passes/mbs/parse.ts';
import { printSchedule } from '../../passes/mbs/print.ts';
import type { Group } from '../../passes/mbs/schedule.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import {
  type Choices,
  type Compiled,
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
import { NetworkBuilder } from './network.ts';

/** Euclidean distance, relative: what another order of adding in f32 does to sums over samples, and to what is computed of them. */
const REORDERED = 1e-5;

function choicesOf(kib: number, estimate: Estimate): Choices {
  const common = { norm: groups(8), machine: machineWith(kib), optimizer: 'momentum', lossScale: 64 } as const;
  return { schedule: 'opt', objective: 'time', estimate, ...common };
}

/** Prefers iterations that alternate, or of which so many overlap by stages, on the largest or the smallest sub-batches. */
const preferring =
  (overlap: 'alternating' | number, sign: 1 | -1): Estimate =>
  (_, { alternating, stages = [], subBatch }) =>
    ((overlap === 'alternating' ? alternating !== undefined : stages.length + 1 === overlap) ? 1e6 : 1e9) + sign * subBatch;

/** Prefers groups of weight gradients alone, and groups without any. */
const preferringParted: Estimate = (network, { steps }) => {
  const forms = new Map(network.layers.map(({ layer, matrix }) => [layer.name, matrix?.form === 'weightGradient']));
  const gradients = steps.filter(({ layer }) => forms.get(layer) === true).length;
  return gradients === 0 || gradients === steps.length ? 1 : 1e9;
};

/** Layers in a row, none of whose tensors lives long. */
function straight(batch: number, blocks: number): Uint8Array {
  const b = new NetworkBuilder([batch, 3, 16, 16], 5);
  let x = b.input;
  for (let i = 0; i < blocks; i++) x = b.relu(b.norm(b.conv(x, 16, { kernel: 3, pad: 1 })));
  return b.model(b.full(b.flatten(b.globalPool(x)), 10));
}

const imported = importedNetworks(8);
const STRAIGHT: Readonly<Record<string, Graph>> = {
  straight: importModel(straight(8, 8), { file: 'straight', mode: 'training' }),
  short: importModel(straight(8, 3), { file: 'short', mode: 'training' }),
};
const graphOf = (name: string): Graph => STRAIGHT[name] ?? imported(name);
const baselines = new Map<string, ReadonlyMap<string, Values>>();

function baselineOf(name: string): ReadonlyMap<string, Values> {
  const graph = graphOf(name);
  const c = compileGraph(graph, { ...choicesOf(10240, preferring('alternating', 1)), schedule: 'baseline' });
  const values = baselines.get(name) ?? tensorsIn(c, runFunctional(c, inputsOf(c.graph)));
  baselines.set(name, values);
  return values;
}

/** Sums over samples but for the order of adding, everything else to the bit. */
function expectBaseline(name: string, c: Compiled, result: RunResult): void {
  const expected = baselineOf(name);
  const values = new Map([...tensorsIn(c, result)].filter(([tensor]) => expected.has(tensor)));
  expect(values.size).toBeGreaterThan(20);
  const isSum = (tensor: string): boolean => c.graph.tensors.get(tensor)?.batched !== true;
  const changed = [...values].filter(([tensor, v]) => !isSum(tensor) && !v.every((x, i) => Object.is(x, expected.get(tensor)?.[i])));
  expect(changed.map(([tensor]) => tensor)).toEqual([]);
  expect(farFrom(expected, values, REORDERED)).toEqual([]);
}

const isPreferred = ({ alternating, stages = [] }: Group, overlap: 'alternating' | number): boolean =>
  overlap === 'alternating' ? alternating !== undefined : stages.length + 1 === overlap;

describe('iterations that alternate between two places, or overlap by stages, compute what the others do', () => {
  it.each([
    ['residual', 'alternating', -1, 160],
    ['residual', 'alternating', 1, 160],
    ['dense', 'alternating', -1, 160],
    ['two losses', 'alternating', 1, 160],
    ['dense', 2, -1, 128],
    ['straight', 2, 1, 160],
    ['straight', 3, -1, 160],
    ['straight', 4, -1, 160],
  ] as const)('%s, %s, sub-batches %i, %i KiB', (name, overlap, sign, kib) => {
    const choices = choicesOf(kib, preferring(overlap, sign));
    const c = compileGraph(graphOf(name), choices);
    const { network, schedule } = c.scheduled;
    expect(schedule.groups.some((group) => isPreferred(group, overlap))).toBe(true);
    expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
    expect(parseSchedule(new Lexer(printSchedule(schedule), 'schedule')).schedule).toEqual(schedule);
    expect(survivesAssembly(c.program)).toBe(true);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    expectBaseline(name, c, result);
  });

  it.each([
    ['residual', 'alternating', 160, 8],
    ['dense', 2, 160, 16],
  ] as const)('%s, %s, on two cores, each with its own samples', (name, overlap, kib, batch) => {
    const graph = importModel(NETWORKS[name]?.(batch) ?? expect.unreachable(), { file: name, mode: 'training' });
    const c = compileGraph(graph, { ...choicesOf(kib, preferring(overlap, -1)), cores: 2 });
    expect(c.scheduled.schedule.groups.some((group) => isPreferred(group, overlap))).toBe(true);
    const result = run(c.program, { mode: 'timing', check: true });
    expect([result.check?.findings, verify(c.program, result).problems]).toEqual([[], []]);
  });
});

describe('weight gradients behind the other layers of their group', () => {
  it.each([
    ['residual', 160, true],
    ['dense', 160, true],
    ['two losses', 160, true],
    ['residual', 160, false],
  ] as const)('compute what they do among them: %s, %i KiB, updates joined: %s', (name, kib, fusedUpdates) => {
    const choices = { ...choicesOf(kib, preferringParted), fusedUpdates };
    const c = compileGraph(graphOf(name), choices);
    const { network, schedule } = c.scheduled;
    const views = new Map(network.layers.map((view) => [view.layer.name, view]));
    const gradients = schedule.groups.filter(({ steps }) =>
      steps.every(({ layer }) => views.get(layer)?.matrix?.form === 'weightGradient'),
    );
    expect(gradients.some(({ steps, iterations }) => steps.length > 1 && iterations === 1)).toBe(true);
    const joined = gradients.flatMap(({ steps }) => steps.filter(({ layer }) => views.get(layer)?.update !== undefined));
    expect(joined.length > 0).toBe(fusedUpdates);
    expect(c.scheduled.choices?.filter(({ traffic }) => !(traffic > 0)) ?? []).toEqual([]);
    expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
    expect(parseSchedule(new Lexer(printSchedule(schedule), 'schedule')).schedule).toEqual(schedule);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    expectBaseline(name, c, result);
  });
});

describe('stages that begin elsewhere', () => {
  it('compute the same, or are refused', () => {
    const choices = choicesOf(128, preferring(3, -1));
    const { graph, scheduled } = compileGraph(graphOf('straight'), choices);
    const { network, schedule } = scheduled;
    const at = schedule.groups.findIndex((group) => isPreferred(group, 3));
    const group = schedule.groups[at] ?? expect.unreachable();
    const [first = 0, second = 0] = group.stages ?? [];
    const inputs = inputsOf(graph);
    const expected = baselineOf('straight');
    const outcomes = { same: 0, refused: 0 };
    for (let by = 1 - first; by < group.steps.length - second; by++) {
      const moved = { ...schedule, groups: schedule.groups.with(at, { ...group, stages: [first + by, second + by] }) };
      if (validateSchedule(network, moved, optionsOf(choices).resources).length > 0) {
        outcomes.refused++;
        continue;
      }
      const program = generate({ network, schedule: moved }, { model: 'straight', mode: 'training', machine: machineWith(128) });
      const compiled = { graph, scheduled: { network, schedule: moved }, program };
      const result = runFunctional(compiled, inputs, true);
      expect(result.check?.findings).toEqual([]);
      expect(verify(program, result).problems).toEqual([]);
      expect(farFrom(expected, tensorsIn(compiled, result), REORDERED)).toEqual([]);
      outcomes.same++;
    }
    expect(Math.min(outcomes.same, outcomes.refused)).toBeGreaterThan(0);
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

describe('groups that are measured', () => {
  const machine = machineWith(160);
  const measure = measureOf(machine);
  const graph = graphOf('residual');

  it('take as long as their program runs', () => {
    const { scheduled, program } = compileGraph(graph, { ...choicesOf(160, estimateOf(machine)), schedule: 'mbs2' });
    expect(measure(scheduled)).toBe(run(program, { mode: 'timing' }).cycles);
  });

  it('are measured on as many cores as run them', () => {
    const own = { ...choicesOf(160, () => 1), cores: 2, measure };
    const { program } = compileGraph(graphOf('short'), own);
    expect(verify(program, run(program, { mode: 'timing' })).problems).toEqual([]);
  });

  it('are run in the way that takes less, where estimates do not tell', () => {
    const choices = choicesOf(160, () => 1);
    const cyclesBy = (sign: number): number => {
      const { program } = compileGraph(graphOf('short'), { ...choices, measure: (scheduled) => sign * measure(scheduled) });
      return run(program, { mode: 'timing' }).cycles;
    };
    expect(cyclesBy(1)).toBeLessThan(cyclesBy(-1));
  });

  it('may begin a stage between the layers of a unit, and compute what the others do', () => {
    const unitsOf = (network: Network, { steps }: Group): number[] => {
      const views = new Map(network.layers.map((view) => [view.layer.name, view]));
      return steps.map(({ layer }) => views.get(layer)?.unit ?? -1);
    };
    const parts = (network: Network, group: Group): boolean => {
      const units = unitsOf(network, group);
      return group.stages?.some((first) => units[first] === units[first - 1]) === true;
    };
    const estimate = preferring(2, -1);
    const preferringParts: Estimate = (network, group) => estimate(network, group) - (parts(network, group) ? 1e5 : 0);
    const name = 'short';
    const c = compileGraph(graphOf(name), {
      ...choicesOf(160, preferringParts),
      measure: ({ network, schedule }) => schedule.groups.reduce((sum, group) => sum + preferringParts(network, group), 0),
    });
    const { network, schedule } = c.scheduled;
    expect(schedule.groups.some((group) => parts(network, group))).toBe(true);
    expect(validateSchedule(network, schedule, optionsOf(choicesOf(160, estimate)).resources)).toEqual([]);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    expectBaseline(name, c, result);
  });
});
