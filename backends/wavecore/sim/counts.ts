import { TENSOR_KINDS, type TensorKind } from '../../../ir/tensor.ts';
import type { Machine } from '../machine/machine.ts';
import type { Bytes, Program } from '../program.ts';

/** Joules by source; the composition is counts × the energies of the machine file. */
export interface Energy {
  readonly total: number;
  readonly dram: number;
  readonly globalBuffer: number;
  readonly localBuffers: number;
  readonly mac: number;
  readonly vector: number;
  readonly static: number;
}

export interface TrafficCounts {
  readonly read: number;
  readonly write: number;
  readonly total: number;
  readonly byKind: Partial<Record<TensorKind, Bytes>>;
}

/** Layers of a program in order of first execution, and the layer of every instruction (−1: none). */
export interface LayerIndex {
  readonly names: readonly string[];
  readonly ofInstruction: Int32Array;
}

export function layerIndexOf(program: Program): LayerIndex {
  const names: string[] = [];
  const known = new Map<string, number>();
  const ofInstruction = new Int32Array(program.code.length).fill(-1);
  for (const range of program.debug) {
    let index = known.get(range.layer);
    if (index === undefined) {
      index = names.length;
      known.set(range.layer, index);
      names.push(range.layer);
    }
    ofInstruction.fill(index, range.from, range.to);
  }
  return { names, ofInstruction };
}

const KINDS = TENSOR_KINDS.length;

/** Everything that is counted while a program runs. */
export class Counts {
  /** Bytes by layer, tensor kind, read or write. */
  readonly traffic: Float64Array;
  readonly layerCycles: Float64Array;
  readonly layerMacs: Float64Array;
  instructions = 0;
  macs = 0;
  globalBytes = 0;
  localBytes = 0;
  vectorOps = 0;
  dramBytes = 0;

  constructor(layers: number) {
    this.traffic = new Float64Array((layers + 1) * KINDS * 2);
    this.layerCycles = new Float64Array(layers + 1);
    this.layerMacs = new Float64Array(layers + 1);
  }

  transfer(layer: number, kind: number, write: boolean, bytes: number, moved: number): void {
    const at = ((layer + 1) * KINDS + kind) * 2 + (write ? 1 : 0);
    this.traffic[at] = (this.traffic[at] ?? 0) + bytes;
    this.dramBytes += bytes;
    this.globalBytes += moved;
  }

  layerTraffic(layer: number): Partial<Record<TensorKind, Bytes>> {
    const byKind: Partial<Record<TensorKind, Bytes>> = {};
    TENSOR_KINDS.forEach((kind, k) => {
      const at = ((layer + 1) * KINDS + k) * 2;
      const [read, write] = [this.traffic[at] ?? 0, this.traffic[at + 1] ?? 0];
      if (read + write > 0) byKind[kind] = { read, write };
    });
    return byKind;
  }

  total(layers: number): TrafficCounts {
    const byKind: Partial<Record<TensorKind, Bytes>> = {};
    let [read, write] = [0, 0];
    for (let layer = -1; layer < layers; layer++) {
      for (const [kind, bytes] of Object.entries(this.layerTraffic(layer)) as [TensorKind, Bytes][]) {
        const sum = byKind[kind] ?? { read: 0, write: 0 };
        byKind[kind] = { read: sum.read + bytes.read, write: sum.write + bytes.write };
        read += bytes.read;
        write += bytes.write;
      }
    }
    return { read, write, total: read + write, byKind };
  }

  energy(machine: Machine, seconds: number): Energy {
    const e = machine.energy;
    const parts = {
      dram: this.dramBytes * e.dramPerByteJ,
      globalBuffer: this.globalBytes * e.globalPerByteJ,
      localBuffers: this.localBytes * e.localPerByteJ,
      mac: this.macs * e.macJ,
      vector: this.vectorOps * e.vectorOpJ,
      static: seconds * e.staticW,
    };
    return { total: Object.values(parts).reduce((a, b) => a + b, 0), ...parts };
  }
}
