import { beforeAll, describe, expect, it } from 'vitest';
import { Interpreter } from '../../backends/wavecore/index.ts';
import type { Graph } from '../../ir/graph.ts';
import type { Values } from '../../ir/layers/record.ts';
import { SCHEDULES, type ScheduleName } from '../../passes/mbs/schedule.ts';
import { resolveSettings } from '../../src/api.ts';
import { debugProgram } from '../../src/debug/program.ts';
import { elementsOf } from '../../src/tensors.ts';
import { distance, groups, inputsOf, machineWith } from '../chain/execute.ts';
import { residualNetwork } from '../chain/network.ts';

const STEPS = 10;
/** Small, so that the serialized schedules cut the mini-batch and keep data on chip. */
const MACHINE = machineWith(64);

/** The same training step under a schedule, every result of a layer left in DRAM; parameters are given before each step. */
class Execution {
  readonly graph: Graph;
  readonly subBatches: readonly number[];
  private readonly interpreter: Interpreter;
  private readonly symbolOf: (tensor: string) => string;

  constructor(schedule: ScheduleName) {
    const choices = { schedule, machine: MACHINE, norm: groups(8), batch: 8, learningRate: 0.02 } as const;
    const debug = debugProgram(residualNetwork(8), resolveSettings(choices));
    this.graph = debug.graph;
    this.subBatches = debug.schedule.groups.map((g) => g.subBatch);
    this.symbolOf = debug.symbolOf;
    this.interpreter = new Interpreter(debug.program, { mode: 'functional' });
  }

  step(seed: number): void {
    this.interpreter.run(new Map([...inputsOf(this.graph, seed)].map(([name, values]) => [this.symbolOf(name), values])));
  }

  read(tensor: string): Values {
    return elementsOf(this.interpreter.readTensor(this.symbolOf(tensor)));
  }

  /** Starts the next step from the parameters and the state of another execution. */
  follow(other: Execution): void {
    for (const tensor of this.graph.tensors.values())
      if (tensor.constant !== undefined) this.interpreter.writeTensor(this.symbolOf(tensor.name), other.read(tensor.name));
  }
}

/** Results of forward and backward layers, apart from the gradients of parameters, which are sums over samples. */
function perSample(graph: Graph): string[] {
  const results = graph.layers.filter((l) => l.phase !== 'update').flatMap((l) => l.outputs);
  return results.filter((name) => graph.tensors.get(name)?.batched === true);
}

function gradients(graph: Graph): string[] {
  return graph.layers.flatMap((l) => l.outputs).filter((name) => graph.tensors.get(name)?.kind === 'weightGradient');
}

describe('ten steps of a residual network with group normalization', () => {
  const seeds = Array.from({ length: STEPS }, (_, i) => i + 1);
  let baseline: Execution;
  /** By step: what the baseline computed. */
  const reference: Map<string, Values>[] = [];

  beforeAll(() => {
    baseline = new Execution('baseline');
    for (const seed of seeds) {
      baseline.step(seed);
      reference.push(new Map([...perSample(baseline.graph), ...gradients(baseline.graph)].map((name) => [name, baseline.read(name)])));
    }
  }, 60_000);

  it.each(SCHEDULES.filter((s) => s !== 'baseline'))('%s computes the same', (schedule) => {
    const other = new Execution(schedule);
    const source = new Execution('baseline');
    if (schedule.startsWith('mbs')) expect(Math.min(...other.subBatches)).toBeLessThan(8);
    expect(perSample(other.graph).length).toBeGreaterThan(40);
    expect(gradients(other.graph).length).toBeGreaterThan(12);
    seeds.forEach((seed, i) => {
      // Both begin every step with the same parameters: the order of sums over samples would move them apart.
      other.follow(source);
      other.step(seed);
      source.step(seed);
      for (const name of perSample(other.graph)) {
        // What backward computes again has the bits of what forward computed.
        const first = name.replace(/\.again$/, '');
        const [actual, expected] = [other.read(name), reference[i]?.get(first) ?? expect.unreachable()];
        expect(actual.length === expected.length && actual.every((v, e) => Object.is(v, expected[e])), `step ${i + 1}, ${name}`).toBe(true);
      }
      for (const name of gradients(other.graph))
        expect(distance(other.read(name), reference[i]?.get(name)), `step ${i + 1}, ${name}`).toBeLessThan(1e-6);
    });
  });

  it('stays the same without that help, within what reordered sums do to the loss', () => {
    const free = new Execution('mbs2');
    seeds.forEach((seed, i) => {
      free.step(seed);
      expect(distance(free.read('loss'), reference[i]?.get('loss'))).toBeLessThan(5e-3);
    });
  });
});
