import type { TensorKind } from '../../../ir/tensor.ts';
import type { Bytes, LayerTraffic } from '../program.ts';
import type { CheckReport } from './check/sanitizer.ts';
import type { Counts, Energy, Traffic } from './counters.ts';
import type { RowInfo } from './image.ts';
import type { Cycles } from './stalls.ts';
import type { TensorValue } from './storage.ts';

/** What a layer of a layer group cost. */
export interface LayerResult extends RowInfo, Counts {
  readonly traffic: Traffic;
  readonly energy: Energy;
}

/** What a run counted, of all cores together. */
export interface RunResult {
  readonly mode: RunMode;
  readonly cores: number;
  /** Until everything has completed on every core (rules: timing.ts). */
  readonly cycles: number;
  readonly seconds: number;
  /** Burst-rounded bytes across the DRAM pins. */
  readonly traffic: Bytes & { readonly total: number; readonly byKind: Partial<Readonly<Record<TensorKind, Bytes>>> };
  readonly byLayer: LayerTraffic;
  /** Counts × the energy table of the machine, static power of every core over all cycles. */
  readonly energy: Energy;
  /** Multiply-accumulates / (cycles × PEs of all cores). */
  readonly utilization: number;
  /** Executed, loops unrolled. */
  readonly instructions: number;
  readonly macs: number;
  /** Of every unit and pipeline: cycles in which it worked, and cycles in which it did not, by cause; of the cores together. */
  readonly units: Cycles;
  /** In the order of the program. The cycles of layers are those of the core that ends last, and add up to the total; fences separate layers. */
  readonly layers: readonly LayerResult[];
  /** What a checked run found. */
  readonly check?: CheckReport;
  /** Tensors of role `output`; empty in timing mode. */
  readonly outputs: ReadonlyMap<string, TensorValue>;
  /** Any tensor in DRAM after a functional run. */
  readTensor(name: string): TensorValue;
}

/** `functional` computes every tensor; `timing` does the same sequencing and counting without data. */
export type RunMode = 'functional' | 'timing';
