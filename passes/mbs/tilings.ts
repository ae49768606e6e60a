import { TENSOR_KINDS } from '../../ir/tensor.ts';
import { Likeness } from './likeness.ts';
import type { LayerView } from './network.ts';
import { Ranking } from './ranking.ts';
import type { Access, Resources } from './schedule.ts';
import { readsAll, Striped } from './striped.ts';
import { burstBytes, type Fit } from './tiling.ts';
import { type IterationKind, pieces, type Tiling, visitTransfers } from './transfers.ts';

/** Layers that are alike and reach their operands alike: one of them, and what is known of their tilings. */
export interface Way {
  readonly view: LayerView;
  readonly inputs: readonly Access[];
  readonly outputs: readonly Access[];
  /** By samples: tilings of whole samples, and of stripes. */
  readonly rankings: Map<number, Ranking>;
  readonly striped: Map<number, Striped>;
}

/** DRAM bytes, in all and by tensor kind, in the order of `TENSOR_KINDS`. */
export interface Moved {
  readonly bytes: number;
  readonly byKind: Float64Array;
}

/** What layers move together, by tensor kind. */
export function sumByKind(all: readonly (Moved | undefined)[]): Float64Array {
  const sum = new Float64Array(TENSOR_KINDS.length);
  for (const moved of all)
    moved?.byKind.forEach((bytes, kind) => {
      sum[kind] = (sum[kind] ?? 0) + bytes;
    });
  return sum;
}

/** How much more than with the whole buffer a layer moves before stripes are tried, though whole samples fit: their halos cost as well. */
const CROWDED = 1.02;

const KIND_INDEX = new Map(TENSOR_KINDS.map((kind, i) => [kind, i]));

/**
 * How the layers of networks run and what they move; networks repeat their layers, so what is known of one is not found again. Planners of the
 * same mini-batch and machine may share them, whatever their share of the buffer is.
 */
export class Tilings {
  readonly likeness = new Likeness();
  private readonly batch: number;
  private readonly resources: Resources;
  /** By likeness, and how operands are reached. */
  private readonly ways: Map<string, Way>[] = [];
  /** Not weak, like that of `Likeness`: tables of so many weak keys made garbage collection take most of the time. */
  private readonly moved = new Map<Fit, { readonly subBatch: number; readonly moved: Moved }>();

  constructor(batch: number, resources: Resources) {
    this.batch = batch;
    this.resources = resources;
  }

  wayOf(view: LayerView, inputs: readonly Access[], outputs: readonly Access[]): Way {
    const likeness = this.likeness.of(view);
    const byAccess = this.ways[likeness] ?? new Map<string, Way>();
    this.ways[likeness] = byAccess;
    const key = signature(inputs) + signature(outputs);
    const known = byAccess.get(key);
    if (known !== undefined) return known;
    const way = { view, inputs, outputs, rankings: new Map(), striped: new Map() };
    byAccess.set(key, way);
    return way;
  }

  /** The tilings of whole samples. */
  rankingOf({ view, inputs, outputs, rankings }: Way, samples: number): Ranking {
    const known = rankings.get(samples);
    if (known !== undefined) return known;
    const ranking = new Ranking({ view, inputs, outputs, samples, resources: this.resources });
    rankings.set(samples, ranking);
    return ranking;
  }

  private stripedOf({ view, inputs, outputs, striped }: Way, samples: number): Striped {
    const known = striped.get(samples) ?? new Striped({ view, inputs, outputs, samples, resources: this.resources });
    striped.set(samples, known);
    return known;
  }

  /** The best tiling in `free` bytes of the buffer, undefined where there is none; `alone`: no tensor stays there beside it. */
  fit(way: Way, samples: number, free: number, alone: boolean): Fit | undefined {
    if (free < 0) return undefined;
    const { view } = way;
    const ranking = this.rankingOf(way, samples);
    const find = (narrow: boolean): Fit | undefined => {
      const whole = ranking.best(free, narrow);
      const unhindered = ranking.first(narrow);
      if (whole !== undefined && whole.traffic <= CROWDED * (unhindered?.traffic ?? 0)) return whole;
      const striped = this.stripedOf(way, samples).best(free, narrow);
      if (whole === undefined || striped === undefined) return whole ?? striped;
      // Rows that no stripe reads are left out only where there is no other way.
      return striped.traffic < whole.traffic && readsAll(view, striped.stripes) ? striped : whole;
    };
    const wide = find(false);
    // A half-empty array costs more than a resident tensor saves: narrow panels are for layers that are alone in the buffer.
    if (!alone) return wide;
    const any = find(true);
    return wide !== undefined && wide.traffic <= (any?.traffic ?? wide.traffic) ? wide : any;
  }

  /** What a layer moves over the whole mini-batch. A fit belongs to layers that are alike and reached alike. */
  movedBy(fit: Fit, view: LayerView, inputs: readonly Access[], outputs: readonly Access[], subBatch: number): Moved {
    const before = this.moved.get(fit);
    if (before?.subBatch === subBatch) return before.moved;
    const moved = this.movedIn(fit, view, inputs, outputs, subBatch);
    this.moved.set(fit, { subBatch, moved });
    return moved;
  }

  /** The same of any tiling. */
  movedIn(tiling: Tiling, view: LayerView, inputs: readonly Access[], outputs: readonly Access[], subBatch: number): Moved {
    const byKind = new Float64Array(TENSOR_KINDS.length);
    for (const iteration of iterationKinds(this.batch, subBatch)) {
      visitTransfers(view, inputs, outputs, tiling, iteration, (_tensor, kind, _direction, rows, rowBytes, contiguous, times) => {
        const index = KIND_INDEX.get(kind) ?? 0;
        byKind[index] = (byKind[index] ?? 0) + burstBytes(rows, rowBytes, contiguous, this.resources.burstBytes) * times;
      });
    }
    return { bytes: byKind.reduce((a, b) => a + b, 0), byKind };
  }
}

/** Iterations of a group on the mini-batch: a shorter one where the sub-batch does not divide it, then the full ones. */
export function iterationKinds(batch: number, subBatch: number): IterationKind[] {
  const kinds = pieces(batch, subBatch).reverse();
  return kinds.map((piece, i) => ({
    samples: piece.size,
    full: Math.min(batch, subBatch),
    times: piece.count,
    later: i === 0 ? piece.count - 1 : piece.count,
    last: i === kinds.length - 1 ? 1 : 0,
  }));
}

/** How operands are reached, a letter each. */
function signature(accesses: readonly Access[]): string {
  let text = ';';
  for (const { mode, store } of accesses) text += LETTERS[mode][store ? 1 : 0];
  return text;
}

const LETTERS: Readonly<Record<Access['mode'], string>> = {
  resident: 'rR',
  load: 'lL',
  stream: 'sS',
  whole: 'wW',
  panel: 'pP',
  hold: 'hH',
  held: 'dD',
};
