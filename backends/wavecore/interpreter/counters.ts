import { diag } from '../../../ir/diagnostics.ts';
import { TENSOR_KINDS, type TensorKind } from '../../../ir/tensor.ts';
import type { Machine } from '../machine/machine.ts';
import type { Bytes } from '../program.ts';
import type { Position } from './position.ts';

/** What a layer did. Bytes of the global buffer count every access of a unit, through whatever port. */
export const COUNTS = ['macs', 'vectorOps', 'globalBytes', 'localBytes', 'cycles', 'instructions'] as const;
export type Count = (typeof COUNTS)[number];
/** Position of every count in `COUNTS`. */
export const COUNT = Object.fromEntries(COUNTS.map((count, i) => [count, i])) as Readonly<Record<Count, number>>;
export type Counts = Readonly<Record<Count, number>>;
export type Traffic = Partial<Readonly<Record<TensorKind, Bytes>>>;

const KINDS = TENSOR_KINDS.length;
export const KIND_INDEX: Readonly<Record<TensorKind, number>> = Object.fromEntries(TENSOR_KINDS.map((kind, i) => [kind, i])) as Record<
  TensorKind,
  number
>;

/** Counts by row (a layer of a group); the last row takes what belongs to no layer. */
export class Counters {
  /** Count c of row r at r × COUNTS.length + c. */
  private readonly sums: Float64Array;
  /** Burst-rounded bytes: read and write of kind k in row r at 2·(r·KINDS + k). */
  private readonly traffic: Float64Array;
  readonly rows: number;
  /** Row of the instruction being executed. */
  row: number;
  /** Bytes, products and vector operations so far, and how many of them there may be. */
  private done = 0;
  private readonly workLimit: number;
  private readonly position: Position;

  constructor(layers: number, workLimit: number, position: Position) {
    this.rows = layers + 1;
    this.workLimit = workLimit;
    this.position = position;
    this.row = layers;
    this.sums = new Float64Array(this.rows * COUNTS.length);
    this.traffic = new Float64Array(this.rows * KINDS * 2);
  }

  /** Counts what the instruction is about to do (`count`: COUNT); a fault where it is more than the run may do. */
  work(count: number, amount: number): void {
    this.done += amount;
    if (this.done > this.workLimit) this.position.fault(diag.endless, `${this.workLimit} bytes and operations`);
    this.add(count, amount);
  }

  /** Adds to a count (COUNT) of the present row. */
  add(count: number, amount: number): void {
    const i = this.row * COUNTS.length + count;
    this.sums[i] = (this.sums[i] ?? 0) + amount;
  }

  addTraffic(kind: number, write: boolean, bytes: number): void {
    const i = 2 * (this.row * KINDS + kind) + (write ? 1 : 0);
    this.traffic[i] = (this.traffic[i] ?? 0) + bytes;
  }

  countsOf(row: number): Counts {
    return Object.fromEntries(COUNTS.map((count, i) => [count, this.sums[row * COUNTS.length + i] ?? 0])) as Record<Count, number>;
  }

  /** Traffic of one row; kinds without any are absent. */
  trafficOf(row: number): Traffic {
    const traffic: Partial<Record<TensorKind, Bytes>> = {};
    TENSOR_KINDS.forEach((kind, k) => {
      const read = this.traffic[2 * (row * KINDS + k)] ?? 0;
      const write = this.traffic[2 * (row * KINDS + k) + 1] ?? 0;
      if (read > 0 || write > 0) traffic[kind] = { read, write };
    });
    return traffic;
  }
}

/** Joules by source. */
export interface Energy {
  readonly dram: number;
  readonly globalBuffer: number;
  readonly localBuffers: number;
  readonly mac: number;
  readonly vector: number;
  readonly static: number;
  readonly total: number;
}

/** Counts × the energy table of the machine; static power of all cores over the cycles. */
export function energyOf(machine: Machine, counts: Counts, dramBytes: number, cores: number): Energy {
  const { energy } = machine;
  const parts = {
    dram: dramBytes * energy.dramPerByteJ,
    globalBuffer: counts.globalBytes * energy.globalPerByteJ,
    localBuffers: counts.localBytes * energy.localPerByteJ,
    mac: counts.macs * energy.macJ,
    vector: counts.vectorOps * energy.vectorOpJ,
    static: (counts.cycles / machine.clockHz) * energy.staticW * cores,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** Sum of traffic records, kind by kind. */
export function sumTraffic(list: readonly Traffic[]): Traffic {
  const sum: Partial<Record<TensorKind, Bytes>> = {};
  for (const traffic of list) {
    for (const kind of TENSOR_KINDS) {
      const more = traffic[kind];
      if (more === undefined) continue;
      const { read, write } = sum[kind] ?? { read: 0, write: 0 };
      sum[kind] = { read: read + more.read, write: write + more.write };
    }
  }
  return sum;
}

export function totalBytes(traffic: Traffic): Bytes {
  let [read, write] = [0, 0];
  for (const kind of TENSOR_KINDS) {
    read += traffic[kind]?.read ?? 0;
    write += traffic[kind]?.write ?? 0;
  }
  return { read, write };
}
