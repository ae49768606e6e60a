import { diag, fail } from '../../../ir/diagnostics.ts';
import { type LayerView, type Operand, overwritten } from '../../../passes/mbs/network.ts';
import { type Access, type Block, type Group, isHeld, type Step } from '../../../passes/mbs/schedule.ts';
import { imageRowBytes, isChunked } from '../../../passes/mbs/transfers.ts';
import { type Affine, constant, type Emitter, plus, times } from './emitter.ts';

/** Tokens within a step, by meaning. Every step takes all that it gives, so that the next one uses them afresh. */
export const TOKEN = {
  loaded: 1,
  loadedVector: 2,
  free: 3,
  freeVector: 4,
  ready: 5,
  stored: 6,
  panel: 7,
  panelFree: 8,
  shared: 9,
  partial: 10,
  done: 11,
  pieceLoaded: 12,
  pieceReady: 13,
  pieceFree: 14,
} as const;

/** The iteration of a group that code is emitted for. */
export interface Iteration {
  /** Its first sample among those of the core: 0 in the first iteration, which finds no partial sums to add to. */
  readonly offset: Affine;
  /** Its first sample in the mini-batch. */
  readonly sample: Affine;
  readonly samples: number;
  /** Samples of the core that come after it: 0 in the last iteration. */
  readonly remaining: Affine;
}

/** The samples of the sub-batch that a task runs a step on, and what of the step it does. */
export interface Part {
  readonly from: number;
  readonly to: number;
  /** The first part loads what all samples share, the last one stores it. */
  readonly first: boolean;
  readonly last: boolean;
  /** Its first loads are a task of their own that has been issued before. */
  readonly headed: boolean;
  /** They are all its loads, and it begins when they have completed. */
  readonly loaded: boolean;
}

/** A chunk of the sub-batch: some samples, or one stripe of one sample. */
export interface Chunk {
  /** First sample, counted in the sub-batch. */
  readonly offset: Affine;
  readonly samples: number;
  readonly stripe?: number;
}

export interface BackendOptions {
  readonly arrayRows: number;
  readonly arrayColumns: number;
  readonly waveRows: number;
  readonly doubleBufferWeights: boolean;
  /** DRAM address of a storage. */
  address(tensor: string): number;
  /** DRAM address of the core's own region of a storage that every core has partial sums of, else of the storage. */
  ownAddress(tensor: string): Affine;
}

/** Everything that emitting one step of one group needs to look up. */
export class StepContext {
  readonly e: Emitter;
  readonly view: LayerView;
  readonly step: Step;
  readonly index: number;
  readonly group: Group;
  readonly iteration: Iteration;
  readonly part: Part;
  readonly options: BackendOptions;
  /** Counts loads and turns of the chunk buffers; their lowest bits select the halves. */
  readonly loads: number;
  readonly turns: number;
  /** A full iteration takes more than one chunk; a shorter one uses the same alternating buffers even where it takes one. */
  readonly chunked: boolean;

  constructor(e: Emitter, view: LayerView, index: number, group: Group, iteration: Iteration, part: Part, options: BackendOptions) {
    this.e = e;
    this.view = view;
    this.step = group.steps[index] ?? fail(diag.internal({ layer: view.layer.name }, 'no step'));
    this.index = index;
    this.group = group;
    this.iteration = iteration;
    this.part = part;
    this.options = options;
    this.chunked = isChunked(this.step, group.subBatch);
    this.loads = e.register();
    this.turns = e.register();
    // Parts go on alternating where the one before has stopped.
    const turn = Math.floor(part.from / this.step.chunk);
    e.assign(this.loads, constant(turn));
    e.assign(this.turns, constant(turn));
  }

  input(i: number): Operand {
    return this.view.inputs[i] ?? fail(diag.internal({ layer: this.view.layer.name }, `no input ${i}`));
  }

  output(i: number): Operand {
    return this.view.outputs[i] ?? fail(diag.internal({ layer: this.view.layer.name }, `no output ${i}`));
  }

  access(direction: 'in' | 'out', i: number): Access {
    const list = direction === 'in' ? this.step.inputs : this.step.outputs;
    return list[i] ?? fail(diag.internal({ layer: this.view.layer.name }, `no access ${direction}${i}`));
  }

  operand(direction: 'in' | 'out', i: number): Operand {
    return direction === 'in' ? this.input(i) : this.output(i);
  }

  findBlock(name: string): Block | undefined {
    return this.step.blocks.find((b) => b.name === name);
  }

  block(name: string): Block {
    return this.findBlock(name) ?? fail(diag.internal({ layer: this.view.layer.name }, `no block ${name}`));
  }

  /** Name of the block of an operand; a result that shares the storage of an input is computed where that lies. */
  blockName(direction: 'in' | 'out', i: number): string {
    const donor = direction === 'in' ? i : overwritten(this.view, i);
    return donor < 0 ? `out${i}` : `in${donor}`;
  }

  /** Register with the address of an operand that all samples share. */
  shared(direction: 'in' | 'out', i: number): number {
    return this.e.value(constant(this.block(this.blockName(direction, i)).address));
  }

  /** Register with the address of the present panel of a matrix product's shared operand; `counter` selects the half of its buffer. */
  panel(direction: 'in' | 'out', i: number, counter: number): number {
    if (isHeld(this.access(direction, i))) return this.e.value(constant(this.residentAddress(this.operand(direction, i).tensor)));
    const block = this.block('panel');
    return block.halves === 1 ? this.e.value(constant(block.address)) : this.e.half(block.address, block.bytes, counter);
  }

  /** Address of an operand on chip at this step. */
  residentAddress(tensor: string): number {
    const place = this.group.residents.find((r) => r.tensor === tensor && r.from <= this.index && r.to >= this.index);
    return place?.address ?? fail(diag.internal({ layer: this.view.layer.name, tensor }, 'is not resident'));
  }

  /** Register with the address of an operand in the global buffer for a chunk; `counter` selects the half of a chunk buffer. */
  place(direction: 'in' | 'out', i: number, chunk: Chunk, counter: number, offset: Affine = constant(0)): number {
    const access = this.access(direction, i);
    const operand = this.operand(direction, i);
    if (access.mode === 'resident' || access.mode === 'load') {
      return this.e.value(plus(plus(times(chunk.offset, operand.bytes), this.residentAddress(operand.tensor)), offset));
    }
    const block = this.block(`${direction}${i}`);
    if (block.halves === 1) return this.e.value(plus(offset, block.address));
    const rd = this.e.half(block.address + offset.base, block.bytes, counter);
    for (const t of offset.terms) this.e.op('mac', { rd, rs: t.reg, scale: t.scale });
    return rd;
  }

  /** DRAM address of a chunk of an operand. */
  dram(operand: Operand, chunk: Chunk): Affine {
    const base = constant(this.options.address(operand.tensor));
    if (!operand.batched) return base;
    return plus(plus(base, times(this.iteration.sample, operand.bytes)), times(chunk.offset, operand.bytes));
  }

  /** Rows of one channel of a 4-D operand, in bytes. */
  rowBytes(operand: Operand): number {
    return imageRowBytes(operand);
  }
}
