import { generate, resourcesOf } from '../../backends/wavecore/generate.ts';
import type { RunResult } from '../../backends/wavecore/interpreter/result.ts';
import { run } from '../../backends/wavecore/interpreter/run.ts';
import { verify } from '../../backends/wavecore/interpreter/verify.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import type { Program } from '../../backends/wavecore/program.ts';
import { WavecError } from '../../ir/diagnostics.ts';
import type { Graph } from '../../ir/graph.ts';
import { fromHalfBits, roundToHalf } from '../../ir/half.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount } from '../../ir/tensor.ts';
import type { Scheduled } from '../../passes/mbs/index.ts';
import type { ObjectiveName } from '../../passes/mbs/opt/objective.ts';
import type { Estimate, Measure } from '../../passes/mbs/opt/timer.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { type CompileOptions, runPipeline } from '../../passes/pipeline.ts';
import { withDefaults } from '../../passes/training/defaults.ts';
import type { TrainingOptions } from '../../passes/training/index.ts';
import { generator } from '../ir/values.ts';

export { run, verify };

export const KEEP: NormChoice = { kind: 'keep' };

/** Group normalization of at most `channelsPerGroup` channels a group. */
export function groups(channelsPerGroup: number): NormChoice {
  return { kind: 'group', channelsPerGroup };
}

/** The default machine with another global buffer. */
export function machineWith(globalKiB: number): Machine {
  const base = PRESETS.wavecore;
  if (base === undefined) throw new Error('the preset is missing');
  return { ...base, buffers: { ...base.buffers, globalBytes: globalKiB * 1024 } };
}

export interface Choices extends Partial<TrainingOptions> {
  readonly schedule: ScheduleName;
  readonly machine?: Machine;
  readonly norm?: NormChoice;
  readonly mode?: 'training' | 'inference';
  readonly cores?: number;
  readonly gathers?: boolean;
  readonly fusedUpdates?: boolean;
  readonly objective?: ObjectiveName;
  readonly estimate?: Estimate;
  readonly measure?: Measure;
}

export interface Compiled {
  readonly graph: Graph;
  readonly scheduled: Scheduled;
  readonly program: Program;
}

export function optionsOf({
  schedule,
  machine = machineWith(10240),
  norm = KEEP,
  mode = 'training',
  cores = 1,
  gathers,
  fusedUpdates,
  objective,
  estimate,
  measure,
  ...training
}: Choices): CompileOptions {
  return {
    mode,
    norm,
    schedule,
    resources: resourcesOf(machine, cores),
    ...(gathers === undefined ? {} : { gathers }),
    ...(fusedUpdates === undefined ? {} : { fusedUpdates }),
    ...(objective === undefined ? {} : { objective }),
    ...(estimate === undefined ? {} : { estimate }),
    ...(measure === undefined ? {} : { measure }),
    ...withDefaults({ optimizer: 'none', lossScale: 1, learningRate: 0.1, ...training }),
  };
}

/** Passes and code generation over an imported graph. */
export function compileGraph(imported: Graph, choices: Choices): Compiled {
  const { machine = machineWith(10240), mode = 'training' } = choices;
  const { graph, scheduled } = runPipeline(imported, optionsOf(choices));
  if (scheduled === undefined) throw new Error('no schedule');
  return { graph, scheduled, program: generate(scheduled, { model: graph.name, mode, machine }) };
}

/** Seeded inputs in ±1, rounded to halves; labels count through the classes. */
export function inputsOf(graph: Graph, seed = 7, classes = 10): Map<string, Values> {
  const random = generator(seed);
  return new Map(
    graph.inputs.map((name) => {
      const type = graph.tensors.get(name)?.type ?? { dtype: 'f16', shape: [] };
      const value = (i: number): number => (type.dtype === 'i32' ? (i * 7) % classes : roundToHalf(2 * random() - 1));
      return [name, Float64Array.from({ length: elementCount(type.shape) }, (_, i) => value(i))];
    }),
  );
}

/** Runs a program functionally. */
export function runFunctional({ graph, scheduled, program }: Compiled, inputs: ReadonlyMap<string, Values>, check = false): RunResult {
  const given = new Map(graph.inputs.map((name) => [scheduled.network.storages.of(name).name, inputs.get(name) ?? new Float64Array()]));
  return run(program, { mode: 'functional', inputs: given, check });
}

/** Every tensor of the graph whose final value lies in DRAM, with the values that a run left there. */
export function tensorsIn({ graph, scheduled, program }: Compiled, result: RunResult): Map<string, Values> {
  const symbols = new Map(program.symbols.map((s) => [s.name, s]));
  const produced = graph.layers.flatMap((l) => l.outputs);
  const last = new Map(produced.map((name) => [scheduled.network.storages.of(name).name, name]));
  // Of gradients that stay on chip until their update, DRAM holds the sums of some samples.
  const steps = scheduled.schedule.groups.flatMap((group) => group.steps);
  for (const { tensor } of steps.flatMap(({ outputs }) => outputs.filter(({ store }) => !store))) last.delete(tensor);
  const values = new Map<string, Values>();
  for (const [storage, name] of last) {
    const symbol = symbols.get(storage);
    if (symbol === undefined || (symbol.dtype !== 'f16' && symbol.dtype !== 'f32')) continue;
    values.set(name, numbersOf(symbol.dtype, result.readTensor(storage).bytes));
  }
  return values;
}

export function numbersOf(dtype: 'f16' | 'f32', bytes: Uint8Array): Values {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (dtype === 'f32') return Float64Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  return Float64Array.from({ length: bytes.length / 2 }, (_, i) => fromHalfBits(view.getUint16(2 * i, true)));
}

/** Euclidean length of a − b relative to that of b; infinite where a number is missing or is none. */
export function distance(a: Values | undefined, b: Values | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [error, length] = [0, 0];
  b.forEach((expected, i) => {
    error += ((a[i] ?? Number.NaN) - expected) ** 2;
    length += expected ** 2;
  });
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.sqrt(error / Math.max(length, 1e-30));
}

/** The tensors whose distance from the reference is above `tolerance`. */
export function farFrom(reference: ReadonlyMap<string, Values>, values: ReadonlyMap<string, Values>, tolerance: number): string[] {
  const far: string[] = [];
  for (const [name, v] of values) {
    const d = distance(v, reference.get(name));
    if (!(d <= tolerance)) far.push(`${name}: ${d.toExponential(1)}`);
  }
  return far;
}

/** KiB of the smallest of the buffers that hold what the model needs. */
export function smallestBuffer(imported: Graph, choices: Choices, sizes: readonly number[]): number {
  const fits = (kib: number): boolean => {
    try {
      compileGraph(imported, { ...choices, machine: machineWith(kib) });
      return true;
    } catch (error) {
      if (error instanceof WavecError && error.diagnostics.every((d) => d.code === 'DOES_NOT_FIT')) return false;
      throw error;
    }
  };
  const found = sizes.find(fits);
  if (found === undefined) throw new Error('no buffer holds the model');
  return found;
}
