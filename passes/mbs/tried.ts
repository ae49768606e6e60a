import { blockBytes } from './footprint.ts';
import type { LayerView } from './network.ts';
import type { Access, Block, Resources } from './schedule.ts';
import { blocksOf, type Fit, trafficOf } from './tiling.ts';
import type { Tiling } from './transfers.ts';

/** A layer on a sub-batch of `samples`, and how it reaches its operands. */
export interface LayerRun {
  readonly view: LayerView;
  readonly inputs: readonly Access[];
  readonly outputs: readonly Access[];
  readonly samples: number;
  readonly resources: Resources;
}

/** A tiling of a layer, worked out as far as it is asked for: most are too large, or known to move more than another one. */
export class Tried {
  private readonly run: LayerRun;
  private readonly tiling: Tiling;
  private blocks: readonly Block[] | undefined;
  private ownBytes: number | undefined;
  private ownFit: Fit | undefined;

  constructor(run: LayerRun, tiling: Tiling) {
    this.run = run;
    this.tiling = tiling;
  }

  /** Bytes of all its blocks, aligned. */
  get bytes(): number {
    this.ownBytes ??= blockBytes(this.itsBlocks());
    return this.ownBytes;
  }

  get fit(): Fit {
    const { view, inputs, outputs, samples, resources } = this.run;
    this.ownFit ??= {
      ...this.tiling,
      blocks: this.itsBlocks(),
      bytes: this.bytes,
      traffic: trafficOf(view, inputs, outputs, samples, this.tiling, resources),
    };
    return this.ownFit;
  }

  private itsBlocks(): readonly Block[] {
    const { view, inputs, outputs, samples } = this.run;
    this.blocks ??= blocksOf(view, inputs, outputs, samples, this.tiling);
    return this.blocks;
  }
}
