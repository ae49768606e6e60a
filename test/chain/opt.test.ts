import { describe, expect, it } from 'vitest';
import { generate } from '../../backends/wavecore/generate.ts';
import { encodeProgram } from '../../backends/wavecore/index.ts';
import { recordOf } from '../../ir/layers/index.ts';
import type { Values } from '../../ir/layers/record.ts';
import { scheduleGraph } from '../../passes/mbs/index.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { runPipeline } from '../../passes/pipeline.ts';
import { generateProgram, resolveSettings, resumePasses, runPasses, settingsOfIr, withModel } from '../../src/api.ts';
import { firstDifference } from '../../src/debug/first-difference.ts';
import { drawnInputs } from '../../src/debug/inputs.ts';
import { debugProgram } from '../../src/debug/program.ts';
import { headerOf } from '../../src/ir-file/header.ts';
import { parseIrFile, printIrFile } from '../../src/ir-file/index.ts';
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
  optionsOf,
  run,
  runFunctional,
  tensorsIn,
  verify,
} from './execute.ts';
import { importedNetworks, NETWORKS } from './modules.ts';

/** Euclidean distance, relative: what another order of adding in f32 does to sums over samples, and to what is computed of them. */
const REORDERED = 1e-5;
const BATCH = 7;

const graphOf = importedNetworks(BATCH);

function choicesOf(norm: NormChoice, kib: number): Choices {
  return { schedule: 'opt', norm, machine: machineWith(kib), optimizer: 'momentum', lossScale: 64 };
}

/** What a schedule makes use of. */
type Feature =
  | 'vector again'
  | 'pool again'
  | 'dropout again'
  | 'product again'
  | 'turn'
  | 'serial turn'
  | 'gave way'
  | 'split'
  | 'striped'
  | 'weights held'
  | 'gradients held'
  | 'held for several layers';

function featuresOf({ graph, scheduled }: Compiled): Feature[] {
  const features = new Set<Feature>();
  for (const { name, kind } of graph.layers.filter((layer) => layer.name.endsWith('.again'))) {
    expect(graph.layers.some((layer) => `${layer.name}.again` === name)).toBe(true);
    features.add(recordOf(kind).unit === 'matrix' ? 'product again' : 'vector again');
    if (kind.endsWith('_pool')) features.add('pool again');
    if (kind === 'dropout') features.add('dropout again');
  }
  const units = new Map(scheduled.network.layers.map((view) => [view.layer.name, view]));
  scheduled.schedule.groups.forEach(({ phase, steps, iterations }, i) => {
    if (phase === 'update') return;
    if (phase === 'turn') features.add('turn');
    if (phase === 'turn' && iterations > 1) features.add('serial turn');
    const made = new Set<string>();
    for (const { inputs, outputs, stripes } of steps) {
      if (stripes !== undefined) features.add('striped');
      if (inputs.some(({ mode, tensor }) => mode === 'stream' && made.has(tensor))) features.add('gave way');
      if (inputs.some(({ mode }) => mode === 'hold')) features.add('weights held');
      if (outputs.some(({ mode }) => mode === 'hold')) features.add('gradients held');
      if (inputs.some(({ mode }) => mode === 'held')) features.add('held for several layers');
      for (const { tensor } of outputs) made.add(tensor);
    }
    // Several tensors pass from group to group only where a piece between two positions is split.
    const later = scheduled.schedule.groups.slice(i + 1).filter((group) => group.phase === phase);
    const read = new Set(later.flatMap((group) => group.steps.flatMap(({ inputs }) => inputs.map(({ tensor }) => tensor))));
    const passed = steps.flatMap(({ layer }) => units.get(layer)?.outputs ?? []).filter((o) => o.kind === 'activationGradient');
    if (phase === 'backward' && passed.filter(({ tensor }) => read.has(tensor)).length > 1) features.add('split');
  });
  return [...features];
}

function sameBits(a: Values, b: Values): boolean {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}

/** Batched values that both runs left in DRAM and that differ in a bit; what is computed again is compared with what it repeats. */
function changed({ graph }: Compiled, values: ReadonlyMap<string, Values>, expected: ReadonlyMap<string, Values>): string[] {
  return [...values].flatMap(([name, v]) => {
    const { batched, kind } = graph.tensors.get(name) ?? expect.unreachable();
    if (!batched || kind === 'weightGradient') return [];
    const other = expected.get(name.replace(/\.again$/, ''));
    return other === undefined || sameBits(v, other) ? [] : [name];
  });
}

/** Networks whose search takes long. */
const LARGE: ReadonlySet<string> = new Set(['inception', 'dense']);

describe('schedules of opt compute what the others do', () => {
  const seen = new Set<Feature>();
  const runs = Object.keys(NETWORKS).flatMap((name) =>
    (
      [
        [KEEP, 48],
        [KEEP, 128],
        [groups(8), 24],
        [groups(8), 48],
        [groups(8), 128],
        [groups(8), 200],
      ] as const
    )
      // What the smallest buffer forces, and the largest allows, the small networks show.
      .filter(([, kib]) => (kib > 24 && kib < 200) || !LARGE.has(name))
      .map(([norm, kib]) => [name, norm, kib] as const),
  );
  const baselines = new Map<string, ReadonlyMap<string, Values>>();

  function baselineOf(name: string, norm: NormChoice): ReadonlyMap<string, Values> {
    const key = `${name} ${norm.kind}`;
    const c = compileGraph(graphOf(name), { ...choicesOf(norm, 10240), schedule: 'baseline' });
    const values = baselines.get(key) ?? tensorsIn(c, runFunctional(c, inputsOf(c.graph)));
    baselines.set(key, values);
    return values;
  }

  it.each(runs)('%s, norm %o, %i KiB', (name, norm, kib) => {
    const choices = choicesOf(norm, kib);
    const c = compileGraph(graphOf(name), choices);
    for (const feature of featuresOf(c)) seen.add(feature);
    const { network, schedule } = c.scheduled;
    expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
    expect(survivesAssembly(c.program)).toBe(true);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    const values = tensorsIn(c, result);
    const expected = baselineOf(name, norm);
    expect(changed(c, values, expected)).toEqual([]);
    const sums = new Map([...values].filter(([tensor]) => expected.has(tensor)));
    expect(sums.size).toBeGreaterThan(20);
    expect(farFrom(expected, sums, REORDERED)).toEqual([]);
  });

  it('and make use of all that the search may decide', () => {
    const all: readonly Feature[] = [
      'vector again',
      'pool again',
      'dropout again',
      'product again',
      'turn',
      'serial turn',
      'gave way',
      'split',
      'striped',
      'weights held',
      'gradients held',
      'held for several layers',
    ];
    expect([...seen].sort()).toEqual([...all].sort());
  });

  it.each([
    ['residual', 48],
    ['two losses', 48],
  ] as const)('%s, %i KiB, where normalizations are joined with what rectifies and masks for them, and computed again', (name, kib) => {
    const machine = machineWith(kib);
    // Bytes that cost much are worth computing again for.
    const costly = { ...machine, energy: { ...machine.energy, dramPerByteJ: 100 * machine.energy.dramPerByteJ } };
    const c = compileGraph(graphOf(name), { ...choicesOf(groups(8), kib), machine: costly, objective: 'energy' });
    const kinds = new Set(c.graph.layers.map(({ kind, name: layer }) => (layer.endsWith('.again') ? `${kind} again` : kind)));
    const joined = ['norm_relu', 'norm_relu again', 'norm_relu_grad_reduce', 'norm_relu_grad_apply'];
    expect(joined.filter((kind) => !kinds.has(kind))).toEqual([]);
    const result = runFunctional(c, inputsOf(c.graph), true);
    expect(result.check?.findings).toEqual([]);
    expect(verify(c.program, result)).toEqual({ ok: true, problems: [] });
    const values = tensorsIn(c, result);
    const expected = baselineOf(name, groups(8));
    expect(changed(c, values, expected)).toEqual([]);
    const sums = new Map([...values].filter(([tensor]) => expected.has(tensor)));
    expect(farFrom(expected, sums, REORDERED)).toEqual([]);
  });

  it.each(Object.keys(NETWORKS))('%s on two cores, each with its own samples', (name) => {
    const model = NETWORKS[name]?.(8) ?? expect.unreachable();
    const graph = importModel(model, { file: name, mode: 'training' });
    const choices = choicesOf(groups(8), 96);
    const one = compileGraph(graph, { ...choices, schedule: 'baseline', machine: machineWith(10240) });
    const two = compileGraph(graph, { ...choices, cores: 2 });
    const inputs = inputsOf(one.graph);
    const result = runFunctional(two, inputs);
    expect(run(two.program, { mode: 'timing', check: true }).check?.findings).toEqual([]);
    expect(verify(two.program, result)).toEqual({ ok: true, problems: [] });
    expect(changed(two, tensorsIn(two, result), tensorsIn(one, runFunctional(one, inputs)))).toEqual([]);
  });
});

it('results and what only relabels them, all read by the caller, lie in one place each', () => {
  const options = optionsOf(choicesOf(groups(8), 128));
  const step = runPipeline(graphOf('inception'), options, { stopAfter: 'training' }).graph;
  const outputs = [...new Set([...step.outputs, ...step.layers.flatMap((layer) => layer.outputs)])];
  const scheduled = scheduleGraph({ ...step, outputs }, 'opt', options.resources);
  const program = generate(scheduled, { model: 'inception', mode: 'training', machine: machineWith(128) });
  const result = run(program, { mode: 'timing', check: true });
  expect([result.check?.findings, verify(program, result).problems]).toEqual([[], []]);
});

describe.each(Object.entries(NETWORKS).filter(([name]) => !LARGE.has(name)))(
  'a step of opt with layers that run again: %s',
  (_name, make) => {
    const model = make(3);
    const settings = resolveSettings({ batch: 3, norm: groups(8), schedule: 'opt', machine: machineWith(64), optimizer: 'adam' });

    it('is the same program after its IR was written and read', () => {
      const state = runPasses(model, settings);
      const program = encodeProgram(generateProgram(state, settings));
      const text = printIrFile(headerOf('mbs', settings, settings.file), state);
      const ir = parseIrFile(text, 'mbs.wir');
      const mine = settingsOfIr(ir, { machine: machineWith(64), schedule: 'opt', optimizer: 'adam' });
      expect(printIrFile(ir.header, resumePasses(ir, mine))).toBe(text);
      const again = encodeProgram(generateProgram(resumePasses(withModel(ir, model, mine), mine), mine));
      expect(Buffer.compare(again, program)).toBe(0);
    });

    it('can be debugged layer by layer', () => {
      const debug = debugProgram(model, settings);
      expect(debug.graph.layers.some(({ name }) => name.endsWith('.again'))).toBe(true);
      expect(firstDifference(debug, drawnInputs(debug.graph, 1))).toEqual({ layers: debug.graph.layers.length, stored: 0 });
    });
  },
);
