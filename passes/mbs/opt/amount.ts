/** What a part of a step uses on one core over the whole mini-batch. */
export interface Amount {
  /** Bytes across the DRAM pins. */
  readonly traffic: number;
  /** Modelled cycles of the array and of the vector unit. */
  readonly matrix: number;
  readonly vector: number;
  /** Multiply-accumulates, and element passes of the vector unit. */
  readonly macs: number;
  readonly passes: number;
  /** Layers that start, in all iterations. */
  readonly starts: number;
}

export const ZERO: Amount = { traffic: 0, matrix: 0, vector: 0, macs: 0, passes: 0, starts: 0 };

export function plus(a: Amount, b: Amount): Amount {
  return {
    traffic: a.traffic + b.traffic,
    matrix: a.matrix + b.matrix,
    vector: a.vector + b.vector,
    macs: a.macs + b.macs,
    passes: a.passes + b.passes,
    starts: a.starts + b.starts,
  };
}
