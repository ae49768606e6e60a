import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunOptions } from '../../backends/wavecore/index.ts';
import type { Graph } from '../../ir/graph.ts';
import { evaluate } from '../../ir/interpret.ts';
import { parse } from '../../ir/parse.ts';
import { print } from '../../ir/print.ts';
import { gather } from '../../passes/mbs/gather.ts';
import { SCHEDULES } from '../../passes/mbs/schedule.ts';
import { mapParts } from '../../passes/mbs/shape.ts';
import { validateSchedule } from '../../passes/mbs/validate/index.ts';
import { nodeThreads } from '../../src/node/threads.ts';
import { normOf } from '../../src/norm.ts';
import { importModel } from '../../src/onnx/index.ts';
import { survivesAssembly } from '../backends/assembly/round-trip.ts';
import { setsMatrixSlot } from './configured.ts';
import {
  type Choices,
  type Compiled,
  compileGraph,
  groups,
  inputsOf,
  KEEP,
  machineWith,
  optionsOf,
  run,
  smallestBuffer,
  verify,
} from './execute.ts';
import { NetworkBuilder, residualNetwork } from './network.ts';

const ARRAY = { arrayRows: 128, arrayColumns: 128, waveRows: 256 };
const SIZES = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

const steps = ({ scheduled }: Compiled) => scheduled.schedule.groups.flatMap((g) => g.steps);
const gathering = (c: Compiled) => {
  const kinds = new Map(c.graph.layers.map(({ name, kind }) => [name, kind]));
  return steps(c).filter(({ layer }) => kinds.get(layer)?.endsWith('_stats') && kinds.get(layer) !== 'norm_stats');
};

/** Bytes of every tensor that a checked run leaves in DRAM; those that both programs hold are comparable. */
function tensorsOf(c: Compiled): Map<string, string> {
  const inputs = inputsOf(c.graph);
  const result = run(c.program, { mode: 'functional', inputs, check: true });
  expect(result.check?.findings).toEqual([]);
  expect(verify(c.program, result).problems).toEqual([]);
  const timing = run(c.program, { mode: 'timing' });
  expect([timing.cycles, timing.energy]).toEqual([result.cycles, result.energy]);
  const produced = new Set(c.graph.layers.flatMap(({ outputs }) => outputs));
  const stored = c.program.symbols.filter(({ name }) => produced.has(name));
  return new Map(stored.map(({ name }) => [name, Buffer.from(result.readTensor(name).bytes).toString('base64')]));
}

/** Compiles a model with and without gathering; whatever both leave in DRAM is the same to the bit, sums over samples apart. */
function check(model: Uint8Array, choices: Choices): Compiled {
  const { mode = 'training' } = choices;
  const imported = importModel(model, { file: 'model', mode });
  const [apart, joined] = [false, true].map((gathers) => compileGraph(imported, { lossScale: 64, ...choices, gathers }));
  if (apart === undefined || joined === undefined) return expect.unreachable();
  expect(survivesAssembly(joined.program)).toBe(true);
  const { network, schedule } = joined.scheduled;
  expect(validateSchedule(network, schedule, optionsOf(choices).resources)).toEqual([]);
  const [expected, computed] = [tensorsOf(apart), tensorsOf(joined)];
  const compared = new Set<string>();
  for (const [name, bytes] of computed) {
    const { batched, kind } = joined.graph.tensors.get(name) ?? expect.unreachable();
    if (!expected.has(name) || !batched) continue;
    expect(bytes === expected.get(name), `${kind} ${name}`).toBe(true);
    compared.add(kind);
  }
  if (mode === 'training') expect([...compared]).toEqual(expect.arrayContaining(['activationGradient', 'statistics']));
  return joined;
}

/** Bits are those of the plain loops with every kernel and number of threads. */
function sameInAllKernels(c: Compiled): void {
  const inputs = inputsOf(c.graph);
  const tensors = (options: Partial<RunOptions>): string[] => {
    const result = run(c.program, { mode: 'functional', inputs, ...options });
    return c.program.symbols.map(({ name }) => `${name} ${Buffer.from(result.readTensor(name).bytes).toString('base64')}`);
  };
  const plain = tensors({ kernels: 'plain' });
  expect(tensors({})).toEqual(plain);
  expect(tensors({ threads: nodeThreads(2) })).toEqual(plain);
  expect(tensors({ threads: { count: 3, start: () => undefined } })).toEqual(plain);
}

const smallest = (model: Uint8Array, choices: Choices): number =>
  smallestBuffer(importModel(model, { file: 'model', mode: choices.mode ?? 'training' }), { ...choices, gathers: true }, SIZES);

describe('statistics that are gathered while their convolution drains', () => {
  it('a residual network: the same bits in any schedule, mini-batch and buffer', () => {
    const choices = fc.record({
      schedule: fc.constantFrom(...SCHEDULES),
      batch: fc.constantFrom(1, 3, 5, 7),
      kib: fc.integer({ min: 28, max: 256 }),
      norm: fc.constantFrom(groups(1), groups(4), groups(6)),
      optimizer: fc.constantFrom('none' as const, 'momentum' as const),
    });
    fc.assert(
      fc.property(choices, ({ batch, kib, ...rest }) => {
        const c = check(residualNetwork(batch, 12, 12), { ...rest, machine: machineWith(kib) });
        expect(gathering(c).length).toBeGreaterThan(0);
        expect(c.graph.layers.some(({ kind }) => kind === 'norm_stats')).toBe(false);
      }),
      { numRuns: 12, seed: 11 },
    );
  });

  it('several panels of columns, in chunks, in the smallest buffer', () => {
    const b = new NetworkBuilder([5, 8, 8, 8], 3);
    const wide = b.relu(b.norm(b.conv(b.input, 320, { kernel: 3, pad: 1 }, { bias: true })));
    const narrow = b.relu(b.norm(b.conv(wide, 136, { kernel: 1 })));
    const model = b.model(b.full(b.flatten(b.maxPool(narrow, { kernel: 2, stride: 2 })), 10));
    for (const schedule of ['baseline', 'mbs2'] as const) {
      const choices = { schedule, norm: groups(8) };
      const c = check(model, { ...choices, machine: machineWith(smallest(model, choices)) });
      const panels = gathering(c).map(({ panel, chunk, layer }) => ({ n: panel?.n ?? 0, chunk, layer }));
      expect(panels.some(({ n }) => n < 136)).toBe(true);
      expect(panels.some(({ chunk }) => chunk < 5)).toBe(true);
    }
  });

  it('panels of the reduction', () => {
    const b = new NetworkBuilder([2, 512, 6, 6], 3);
    const x = b.relu(b.norm(b.conv(b.input, 128, { kernel: 3 })));
    const model = b.model(b.full(b.flatten(b.globalPool(x)), 10));
    const choices = { schedule: 'mbs2', norm: groups(16), mode: 'inference' } as const;
    const c = compileSmallest(model, choices);
    expect(gathering(c).some(({ panel }) => (panel?.k ?? 0) < 512 * 9)).toBe(true);
  });

  function compileSmallest(model: Uint8Array, choices: Choices): Compiled {
    return check(model, { ...choices, machine: machineWith(smallest(model, choices)) });
  }

  it('stripes of a sample that does not fit', () => {
    const b = new NetworkBuilder([2, 6, 40, 40], 5);
    const x = b.relu(b.norm(b.conv(b.input, 12, { kernel: 5, pad: 2 })));
    const y = b.maxPool(b.relu(b.norm(b.conv(x, 12, { kernel: 3, pad: 1 }))), { kernel: 3, stride: 2, pad: 1 });
    const model = b.model(b.full(b.flatten(b.averagePool(y, { kernel: 3, stride: 2 })), 10));
    const c = compileSmallest(model, { schedule: 'mbs2', norm: groups(4), optimizer: 'sgd' });
    expect(gathering(c).some(({ stripes }) => stripes !== undefined)).toBe(true);
  });

  it('channel groups, strides, and a fully connected layer', () => {
    const b = new NetworkBuilder([3, 8, 9, 9], 5);
    const x = b.relu(b.norm(b.conv(b.input, 16, { kernel: 3, stride: 2 }, { groups: 4 })));
    const model = b.model(b.norm(b.full(b.flatten(x), 12)));
    const c = check(model, { schedule: 'mbs1', norm: groups(4), machine: machineWith(64) });
    expect(gathering(c).map(({ layer }) => c.graph.layers.find(({ name }) => name === layer)?.kind)).toEqual(['conv_stats', 'gemm_stats']);
  });

  it('packed columns, exchanged operands, both in chunks and with biases', () => {
    const b = new NetworkBuilder([5, 3, 23, 21], 7);
    const stem = b.relu(b.norm(b.conv(b.input, 64, { kernel: 7, stride: 2, pad: 3 }, { bias: true })));
    const narrow = b.relu(b.norm(b.conv(stem, 40, { kernel: 3, pad: 1 })));
    const wide = b.relu(b.norm(b.conv(narrow, 152, { kernel: 3, pad: 1 }, { bias: true })));
    const model = b.model(b.full(b.flatten(b.globalPool(wide)), 10));
    for (const kib of [80, 10240]) {
      const c = check(model, { schedule: 'mbs2', norm: groups(8), machine: machineWith(kib) });
      const packed = gathering(c).map(({ layer }) => {
        const { matrix } = c.scheduled.network.layers.find((view) => view.layer.name === layer) ?? expect.unreachable();
        return matrix === undefined ? 0 : mapParts(matrix, ARRAY)[0]?.copies;
      });
      expect(packed).toEqual([2, 3, 1]);
      if (kib > 80) expect(setsMatrixSlot(c.program, 'X', 1)).toBe(true);
      sameInAllKernels(c);
    }
  });

  it('not where copies of a channel lie in several blocks of columns, which drain one after the other', () => {
    const b = new NetworkBuilder([3, 3, 12, 12], 7);
    const x = b.relu(b.norm(b.conv(b.input, 96, { kernel: 7, pad: 3 })));
    const y = b.relu(b.norm(b.conv(x, 136, { kernel: 1 })));
    const c = check(b.model(b.full(b.flatten(b.globalPool(y)), 10)), { schedule: 'mbs2', norm: groups(8), machine: machineWith(512) });
    expect(gathering(c).length).toBe(1);
    expect(c.graph.layers.filter(({ kind }) => kind === 'norm_stats').length).toBe(1);
  });

  it('the same with plain loops, on one thread, and on two that run at the same time', () => {
    const imported = importModel(residualNetwork(4, 16, 16), { file: 'residual', mode: 'training' });
    const c = compileGraph(imported, { schedule: 'mbs2', norm: groups(8), machine: machineWith(64), lossScale: 64, gathers: true });
    sameInAllKernels(c);
  });

  it('two cores, each with its own samples', () => {
    check(residualNetwork(6, 12, 12), { schedule: 'mbs2', norm: groups(4), cores: 2, machine: machineWith(64) });
  });
});

describe('the joined graph', () => {
  const joinedOf = (graph: Graph): Graph => gather(graph, optionsOf({ schedule: 'mbs2' }).resources);
  const forward = (norm: Choices['norm'] & object) => {
    const imported = importModel(residualNetwork(3), { file: 'residual', mode: 'training' });
    return compileGraph(imported, { schedule: 'mbs2', norm }).graph;
  };

  it('is printed and read back, keeps every tensor, and computes the same', () => {
    const [apart, joined] = [forward(groups(4)), joinedOf(forward(groups(4)))];
    expect(print(parse(print(joined)))).toBe(print(joined));
    expect(new Set(joined.tensors.keys())).toEqual(new Set(apart.tensors.keys()));
    expect(joined.outputs).toEqual(apart.outputs);
    expect(evaluate(joined, inputsOf(joined))).toEqual(evaluate(apart, inputsOf(apart)));
    expect(joinedOf(joined)).toBe(joined);
  });

  it('is normalized as before, so that reports say', () => {
    expect(normOf(joinedOf(forward(groups(4))), groups(4))).toBe('gn:4');
  });

  it('is the same where statistics are those of the whole mini-batch', () => {
    const graph = forward(KEEP);
    expect(joinedOf(graph)).toBe(graph);
  });
});
