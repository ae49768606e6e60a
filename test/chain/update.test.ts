import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Interpreter } from '../../backends/wavecore/index.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { type Choices, type Compiled, compileGraph, farFrom, groups, inputsOf, machineWith, optionsOf, run, verify } from './execute.ts';
import { NetworkBuilder, residualNetwork } from './network.ts';

const STEPS = 2;

/** Steps and layers that end in an update. */
const updating = ({ scheduled }: Compiled) =>
  scheduled.schedule.groups.flatMap((group) =>
    group.steps.flatMap((step) => {
      const view = scheduled.network.layers.find(({ layer }) => layer.name === step.layer);
      return view?.update === undefined ? [] : [{ ...step, view, group }];
    }),
  );

/** Whether all sums run over the same chunks, in the same order. */
function sumsAlike(apart: Compiled, joined: Compiled): boolean {
  const chunks = new Map(apart.scheduled.schedule.groups.flatMap(({ steps }) => steps.map(({ layer, chunk }) => [layer, chunk] as const)));
  return updating(joined).every(({ layer, chunk }) => chunks.get(layer.replace(/\.update$/, '')) === chunk);
}

/** Bytes of parameters and optimizer state after some steps. */
function parametersOf({ graph, program, scheduled }: Compiled): Map<string, Uint8Array<ArrayBuffer>> {
  const { storages } = scheduled.network;
  const names = new Set([...graph.tensors.values()].flatMap(({ storage }) => (storage === undefined ? [] : [storages.of(storage).name])));
  const core = new Interpreter(program);
  for (let step = 0; step < STEPS; step++) {
    const inputs = step === 0 ? [...inputsOf(graph)].map(([name, value]) => [storages.of(name).name, value] as const) : [];
    core.run(new Map(inputs));
  }
  return new Map([...names].map((name) => [name, Uint8Array.from(core.readTensor(name).bytes)]));
}

/** The f32 copies of weights. */
function mastersOf(parameters: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Map<string, Float64Array> {
  const masters = [...parameters].filter(([name]) => name.endsWith('.master'));
  return new Map(masters.map(([name, bytes]) => [name, Float64Array.from(new Float32Array(bytes.buffer))]));
}

/** Compiles with the gradients on chip until their update and through DRAM: all parameters and states are the same, to the bit if sums run over the same chunks. */
function check(model: Uint8Array, choices: Choices): Compiled {
  const imported = importModel(model, { file: 'model', mode: 'training' });
  const [apart, joined] = [false, true].map((fusedUpdates) => compileGraph(imported, { lossScale: 64, ...choices, fusedUpdates }));
  if (apart === undefined || joined === undefined) return expect.unreachable();
  expect(updating(apart)).toEqual([]);
  const { network, schedule } = joined.scheduled;
  expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
  expect(survivesAssembly(joined.program)).toBe(true);
  const result = run(joined.program, { mode: 'functional', inputs: inputsOf(joined.graph), check: true });
  expect(result.check?.findings).toEqual([]);
  expect(verify(joined.program, result).problems).toEqual([]);
  const timing = run(joined.program, { mode: 'timing' });
  expect([timing.cycles, timing.energy]).toEqual([result.cycles, result.energy]);
  expect(timing.traffic.total).toBeLessThanOrEqual(run(apart.program, { mode: 'timing' }).traffic.total);
  const [expected, computed] = [parametersOf(apart), parametersOf(joined)];
  expect(expected.size).toBeGreaterThan(3);
  if (sumsAlike(apart, joined))
    for (const [name, bytes] of expected) expect(Buffer.compare(bytes, computed.get(name) ?? Buffer.of()), name).toBe(0);
  else expect(farFrom(mastersOf(expected), mastersOf(computed), 1e-4)).toEqual([]);
  return joined;
}

describe('weight gradients that stay on chip until their update', () => {
  it('a residual network: the same bits with any update, schedule, mini-batch and buffer', () => {
    const choices = fc.record({
      schedule: fc.constantFrom('il' as const, 'mbs-fs' as const, 'mbs1' as const, 'mbs2' as const, 'opt' as const),
      batch: fc.constantFrom(1, 3, 5, 7),
      kib: fc.integer({ min: 28, max: 256 }),
      optimizer: fc.constantFrom('sgd' as const, 'momentum' as const, 'adam' as const, 'adamw' as const),
      nesterov: fc.boolean(),
    });
    let fused = 0;
    fc.assert(
      fc.property(choices, ({ batch, kib, ...rest }) => {
        fused += updating(check(residualNetwork(batch, 12, 12), { ...rest, norm: groups(4), machine: machineWith(kib) })).length;
      }),
      { numRuns: 6, seed: 5 },
    );
    expect(fused).toBeGreaterThan(6);
  });

  it('panels of columns and of rows, in several iterations with a shorter one, with biases', () => {
    const b = new NetworkBuilder([7, 24, 8, 8], 3);
    const wide = b.relu(b.norm(b.conv(b.input, 256, { kernel: 3, pad: 1 }, { bias: true })));
    const deep = b.relu(b.norm(b.conv(wide, 136, { kernel: 1 })));
    const model = b.model(b.full(b.flatten(b.maxPool(deep, { kernel: 2, stride: 2 })), 10));
    const layers = [];
    for (const [kib, optimizer] of [
      [400, 'momentum'],
      [400, 'adam'],
      [340, 'sgd'],
      [700, 'momentum'],
    ] as const)
      layers.push(...updating(check(model, { schedule: 'mbs2', norm: groups(8), optimizer, machine: machineWith(kib) })));
    const cut = layers.map(({ panel, view: { matrix } }) => [(panel?.m ?? 0) < (matrix?.m ?? 0), (panel?.n ?? 0) < (matrix?.columns ?? 0)]);
    expect(cut.some(([rows]) => rows)).toBe(true);
    expect(cut.some(([, columns]) => columns)).toBe(true);
    const iterations = layers.map(({ group }) => group.iterations);
    expect(iterations.some((count) => count > 1)).toBe(true);
    expect(iterations).toContain(1);
    expect(layers.some(({ group }) => group.iterations > 1 && 7 % group.subBatch > 0)).toBe(true);
    expect(layers.some(({ view }) => view.bias !== undefined)).toBe(true);
  });

  it('stripes of a sample that does not fit', () => {
    const b = new NetworkBuilder([2, 6, 40, 40], 5);
    const x = b.relu(b.norm(b.conv(b.input, 12, { kernel: 5, pad: 2 })));
    const y = b.maxPool(b.relu(b.norm(b.conv(x, 12, { kernel: 3, pad: 1 }))), { kernel: 3, stride: 2, pad: 1 });
    const model = b.model(b.full(b.flatten(b.averagePool(y, { kernel: 3, stride: 2 })), 10));
    const c = check(model, { schedule: 'mbs2', norm: groups(4), optimizer: 'momentum', machine: machineWith(56) });
    expect(updating(c).some(({ stripes }) => stripes !== undefined)).toBe(true);
  });

  it('channel groups, strides, and a convolution without a data gradient', () => {
    const b = new NetworkBuilder([3, 8, 9, 9], 5);
    const x = b.relu(b.norm(b.conv(b.input, 16, { kernel: 3, stride: 2 }, { groups: 4 })));
    const model = b.model(b.norm(b.full(b.flatten(x), 12)));
    const c = check(model, { schedule: 'mbs1', norm: groups(4), optimizer: 'adamw', machine: machineWith(64) });
    expect(updating(c).map(({ view }) => view.layer.kind)).toEqual(['gemm_grad_weight_adam', 'conv_grad_weight_adam']);
  });

  it('a turn, and layers that backward computes again', () => {
    const model = residualNetwork(6, 16, 16);
    const kinds = [40, 64, 96].map((kib) => {
      const c = check(model, { schedule: 'opt', norm: groups(4), optimizer: 'momentum', machine: machineWith(kib) });
      expect(updating(c).length).toBeGreaterThan(0);
      return [
        c.scheduled.schedule.groups.some(({ phase }) => phase === 'turn'),
        c.graph.layers.some(({ name }) => name.endsWith('.again')),
      ];
    });
    expect(kinds.some(([turn]) => turn)).toBe(true);
    expect(kinds.some(([, again]) => again)).toBe(true);
  });

  it('not where gradients are needed before any update, or are those of several cores, or nothing stays on chip', () => {
    const imported = importModel(residualNetwork(4), { file: 'model', mode: 'training' });
    const fused = (choices: Partial<Choices>): number =>
      updating(compileGraph(imported, { schedule: 'mbs2', norm: groups(4), optimizer: 'momentum', ...choices })).length;
    expect(fused({})).toBe(5);
    expect(fused({ dynamicLossScale: true })).toBe(0);
    expect(fused({ cores: 2 })).toBe(0);
    expect(fused({ schedule: 'baseline' })).toBe(0);
    expect(fused({ schedule: 'archopt' })).toBe(0);
    expect(fused({ optimizer: 'none' })).toBe(0);
  });

  it('reads neither weights nor gradient from DRAM where a group runs once', () => {
    const c = compileGraph(importModel(residualNetwork(4), { file: 'model', mode: 'training' }), {
      schedule: 'mbs2',
      norm: groups(4),
      optimizer: 'momentum',
    });
    const { layers } = run(c.program, { mode: 'timing' });
    for (const { layer } of updating(c)) {
      const { traffic } = layers.find((l) => l.layer === layer) ?? expect.unreachable();
      expect(traffic.weight?.read ?? 0).toBe(0);
    }
    expect(c.program.symbols.some(({ name }) => name === 'conv7.grad.weight')).toBe(false);
  });
});
