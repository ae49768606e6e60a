import { arrayUse } from '../array-use.ts';
import type { LayerView, MatrixWork, Network } from '../network.ts';
import type { Group, Resources } from '../schedule.ts';
import { Tilings } from '../tilings.ts';
import type { Tiling } from '../transfers.ts';
import { passedElements } from '../vector-use.ts';
import { type Amount, ZERO } from './amount.ts';

/** Models what layers use beside the DRAM: cycles of the array and of the vector unit. */
export class Work {
  private readonly batch: number;
  private readonly resources: Resources;
  /** Cycles of the array by product and samples of a chunk: the search asks again and again. */
  private readonly cycles = new Map<MatrixWork, Map<number, number>>();

  constructor(batch: number, resources: Resources) {
    this.batch = batch;
    this.resources = resources;
  }

  /** `sum` and a layer on sub-batches of `subBatch` samples that moves `bytes` bytes of DRAM. */
  add(sum: Amount, view: LayerView, tiling: Tiling, subBatch: number, bytes: number): Amount {
    const { matrix: work } = view;
    const elements = passedElements(view, this.batch);
    return {
      traffic: sum.traffic + bytes,
      matrix: sum.matrix + (work === undefined ? 0 : this.arrayCycles(work, tiling, subBatch)),
      vector: sum.vector + elements / this.resources.lanes,
      macs: sum.macs + (work === undefined ? 0 : this.batch * work.m * work.n * work.k * work.groups),
      passes: sum.passes + elements,
      starts: sum.starts + Math.ceil(this.batch / subBatch),
    };
  }

  private arrayCycles(work: MatrixWork, { chunk, stripes }: Tiling, subBatch: number): number {
    const samples = stripes === undefined ? Math.min(chunk, subBatch) : 1;
    const known = this.cycles.get(work) ?? new Map<number, number>();
    this.cycles.set(work, known);
    const cycles = known.get(samples) ?? arrayUse(work, this.resources, this.batch, samples).cycles;
    known.set(samples, cycles);
    return cycles;
  }
}

/** What each step of a group uses. */
export function stepAmountsOf(network: Network, group: Group, resources: Resources): Amount[] {
  const alone = group.steps.map((step) => ({ ...group, steps: [step] }));
  return amountsOf(network, alone, resources);
}

/** What each group of a schedule uses. */
export function amountsOf(network: Network, groups: readonly Group[], resources: Resources): Amount[] {
  const work = new Work(network.batch, resources);
  const tilings = new Tilings(network.batch, resources);
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  return groups.map(({ steps, subBatch }) =>
    steps.reduce<Amount>((sum, step) => {
      const view = views.get(step.layer);
      if (view === undefined) return sum;
      const { bytes } = tilings.movedIn(step, view, step.inputs, step.outputs, subBatch);
      return work.add(sum, view, step, subBatch, bytes);
    }, ZERO),
  );
}
