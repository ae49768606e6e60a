import type { LayerView } from './network.ts';
import type { Access } from './schedule.ts';
import { type Candidate, candidates, type Fit, PENALTY_BYTES } from './tiling.ts';
import { type LayerRun, Tried } from './tried.ts';

interface Entry {
  readonly candidate: Candidate;
  /** In the order of the candidates: of equal ones the first is taken. */
  readonly place: number;
  tried?: Tried;
}

/**
 * The ways to run a layer on a sub-batch without cutting a sample, the least traffic first; among equals the best overlap first. None moves less
 * than every operand once, so that mostly few of them need a closer look.
 */
export class Ranking {
  private readonly run: LayerRun;
  /** By penalty. */
  private readonly entries: readonly Entry[];
  private readonly floor: number;
  /** What was found last, for wide tilings and for all. */
  private readonly last: ({ readonly free: number; readonly fit: Fit | undefined } | undefined)[] = [];
  private readonly unhindered: (Fit | undefined)[] = [];

  constructor(run: LayerRun) {
    const { view, inputs, outputs, samples, resources } = run;
    this.run = run;
    const entries = Array.from(candidates(view, inputs, outputs, samples, resources), (candidate, place): Entry => ({ candidate, place }));
    this.entries = entries.sort((a, b) => a.candidate.penalty - b.candidate.penalty);
    this.floor = leastTraffic(view, inputs, outputs, samples);
  }

  /** The best one in `free` bytes; `narrow` ones only where they are asked for. */
  best(free: number, narrow: boolean): Fit | undefined {
    const key = narrow ? 1 : 0;
    const last = this.last[key];
    // What is best in more bytes is so in fewer, as long as it fits.
    if (last !== undefined && free <= last.free && (last.fit?.bytes ?? 0) <= free) return last.fit;
    const fit = this.find(free, narrow);
    this.last[key] = { free, fit };
    return fit;
  }

  /** All in `free` bytes but narrow ones, the best first. */
  all(free: number): Fit[] {
    const fitting = this.entries.filter((entry) => !entry.candidate.narrow && this.tried(entry).bytes <= free);
    const cost = (entry: Entry): number => this.tried(entry).fit.traffic + PENALTY_BYTES * entry.candidate.penalty;
    return fitting.sort((a, b) => cost(a) - cost(b) || a.place - b.place).map((entry) => this.tried(entry).fit);
  }

  /** The best one of all. */
  first(narrow: boolean): Fit | undefined {
    const key = narrow ? 1 : 0;
    this.unhindered[key] ??= this.find(Number.POSITIVE_INFINITY, narrow);
    return this.unhindered[key];
  }

  private find(free: number, narrow: boolean): Fit | undefined {
    let best: Entry | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const entry of this.entries) {
      const { candidate, place } = entry;
      const penalty = PENALTY_BYTES * candidate.penalty;
      if (this.floor + penalty > least) break;
      if ((candidate.narrow && !narrow) || this.tried(entry).bytes > free) continue;
      const cost = this.tried(entry).fit.traffic + penalty;
      if (cost > least || (cost === least && place > (best?.place ?? 0))) continue;
      [best, least] = [entry, cost];
    }
    return best?.tried?.fit;
  }

  private tried(entry: Entry): Tried {
    const { chunk, panel } = entry.candidate;
    entry.tried ??= new Tried(this.run, panel === undefined ? { chunk } : { chunk, panel });
    return entry.tried;
  }
}

/** Bytes that every tiling moves: operands that are cut into sub-batches, weights and their gradients once. */
function leastTraffic(view: LayerView, inputs: readonly Access[], outputs: readonly Access[], samples: number): number {
  let bytes = 0;
  inputs.forEach(({ mode }, i) => {
    const o = view.inputs[i];
    if (o?.batched === true && (mode === 'stream' || mode === 'load')) bytes += o.bytes * samples;
  });
  outputs.forEach(({ store }, i) => {
    const o = view.outputs[i];
    if (o?.batched === true && store) bytes += o.bytes * samples;
  });
  const { matrix } = view;
  if (matrix === undefined) return bytes;
  const { form, m, columns, k, stationary } = matrix;
  if (form === 'weightGradient') return outputs[0]?.mode === 'panel' ? bytes + m * columns * 4 : bytes;
  return inputs[stationary]?.mode === 'panel' ? bytes + k * columns * 2 : bytes;
}
