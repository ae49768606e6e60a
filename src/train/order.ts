/** The mini-batch of a training step. */
export interface Draw {
  /** Counted from 0. */
  readonly epoch: number;
  /** Positions of its samples in the data set. */
  readonly indices: Int32Array;
}

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0 … count − 1 in an order that the seed fixes (Fisher and Yates). */
function shuffled(count: number, seed: number): Int32Array {
  const random = uniform(seed);
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

/**
 * Which samples each step takes: every epoch all of them once in an order of its own, but for the last ones where the mini-batch
 * does not divide them. Depends on step and seed alone, so that a training that was stopped goes on as if it had not been.
 */
export class SampleOrder {
  private readonly count: number;
  private readonly batch: number;
  private readonly seed: number;
  private epoch = -1;
  private order: Int32Array = new Int32Array();

  constructor(count: number, batch: number, seed: number) {
    this.count = count;
    this.batch = batch;
    this.seed = seed;
  }

  get stepsAnEpoch(): number {
    return Math.max(1, Math.floor(this.count / this.batch));
  }

  /** The mini-batch of a step, counted from 0; a data set smaller than the mini-batch is taken several times over. */
  draw(step: number): Draw {
    const epoch = Math.floor(step / this.stepsAnEpoch);
    if (epoch !== this.epoch) {
      this.order = shuffled(this.count, Math.imul(this.seed + 1, 0x9e3779b1) + epoch);
      this.epoch = epoch;
    }
    const from = (step % this.stepsAnEpoch) * this.batch;
    const indices = Int32Array.from({ length: this.batch }, (_, i) => this.order[(from + i) % this.count] ?? 0);
    return { epoch, indices };
  }
}
