import type { Network } from './network.ts';
import type { GroupAccesses } from './residency.ts';
import type { Access } from './schedule.ts';
import type { Fit } from './tiling.ts';

/** How the layers of a range reach their operands and run. */
interface Realization {
  readonly accesses: GroupAccesses;
  readonly fits: readonly Fit[];
}

/** What the layers of a range move on sub-batches of one size. */
interface Estimate {
  readonly from: number;
  readonly to: number;
  readonly subBatch: number;
  /** DRAM bytes of the whole mini-batch. */
  readonly traffic: number;
}

/** A way to run the layers [from, to) as one group, before addresses are given. */
export interface Draft extends Estimate, Realization {
  /** The traffic by tensor kind, in the order of `TENSOR_KINDS`. */
  readonly byKind: Float64Array;
}

/** A draft that is realized when it is used: most are compared and dropped. */
class Deferred implements Draft {
  readonly from: number;
  readonly to: number;
  readonly subBatch: number;
  readonly traffic: number;
  private readonly realize: () => Realization;
  private readonly divide: () => Float64Array;
  private realized: Realization | undefined;
  private divided: Float64Array | undefined;

  constructor({ from, to, subBatch, traffic }: Estimate, realize: () => Realization, divide: () => Float64Array) {
    this.from = from;
    this.to = to;
    this.subBatch = subBatch;
    this.traffic = traffic;
    this.realize = realize;
    this.divide = divide;
  }

  get byKind(): Float64Array {
    this.divided ??= this.divide();
    return this.divided;
  }

  get accesses(): GroupAccesses {
    return this.realization.accesses;
  }

  get fits(): readonly Fit[] {
    return this.realization.fits;
  }

  private get realization(): Realization {
    this.realized ??= this.realize();
    return this.realized;
  }
}

/** @param divide the traffic by tensor kind */
export function deferred(estimate: Estimate, realize: () => Realization, divide: () => Float64Array): Draft {
  return new Deferred(estimate, realize, divide);
}

/** A draft that `find` has found and would find again: all of it but its estimate is forgotten until it is used. */
export function forgetful(found: Draft, find: () => Draft): Draft {
  const { from, to, subBatch, traffic } = found;
  let again: Draft | undefined;
  const used = (): Draft => {
    again ??= find();
    return again;
  };
  return new Deferred({ from, to, subBatch, traffic }, used, () => used().byKind);
}

/** The draft of the layers from `from` on, which repeat those of another draft: the names of their tensors alone differ. */
export function repeated(network: Network, like: Draft, from: number): Draft {
  const to = from + like.to - like.from;
  const { subBatch, traffic } = like;
  return new Deferred(
    { from, to, subBatch, traffic },
    () => ({ accesses: renamed(network, like.accesses, from), fits: like.fits }),
    () => like.byKind,
  );
}

function renamed(network: Network, { inputs, outputs, intervals, held }: GroupAccesses, from: number): GroupAccesses {
  const names = new Map<string, string>();
  const own = (side: 'inputs' | 'outputs', accesses: GroupAccesses['inputs']): Access[][] =>
    accesses.map((list, step) =>
      list.map((access, i) => {
        const tensor = network.layers[from + step]?.[side][i]?.tensor ?? access.tensor;
        names.set(access.tensor, tensor);
        return { ...access, tensor };
      }),
    );
  const accesses = { inputs: own('inputs', inputs), outputs: own('outputs', outputs) };
  const nameOf = (tensor: string): string => names.get(tensor) ?? tensor;
  const renamedIntervals = intervals.map(({ inPlaceOf, tensor, ...interval }) => ({
    ...interval,
    tensor: nameOf(tensor),
    ...(inPlaceOf === undefined ? {} : { inPlaceOf: nameOf(inPlaceOf) }),
  }));
  return { ...accesses, intervals: renamedIntervals, held: held.map(({ tensor, bytes }) => ({ tensor: nameOf(tensor), bytes })) };
}
