import type { Network } from '../network.ts';
import type { Recompute } from './recompute.ts';
import type { Chosen, Found } from './search.ts';

/** What `opt` decided for layers that it looked at together. */
export interface Choice {
  readonly first: string;
  readonly last: string;
  readonly subBatch: number;
  /** Whether they go on with the group of the layers before them. */
  readonly goesOn: boolean;
  /** DRAM bytes of the mini-batch. */
  readonly traffic: number;
  /** Bytes of weights and gradients that the group holds over its iterations. */
  readonly held: number;
  /** Of backward layers: what is computed again, and the cost of every way to do it as a group of its own, in the unit of the objective. */
  readonly recompute?: Recompute;
  readonly alternatives?: Readonly<Partial<Record<Recompute, number>>>;
}

/** The choices in the order of execution, as `settled` has them; `network` holds the layers in that order. */
export function choicesOf(network: Network, { forward, turn, backward }: Found, settled: ReadonlyMap<Chosen, Chosen>): Choice[] {
  let at = 0;
  const choice = (chosen: Chosen, more: Pick<Choice, 'recompute' | 'alternatives'> = {}): Choice => {
    const { part, subBatch, enters, amount, held = [] } = settled.get(chosen) ?? chosen;
    const from = at;
    at += part.to - part.from;
    const name = (index: number): string => network.layers[index]?.layer.name ?? '';
    const bytes = held.reduce((sum, operand) => sum + operand.bytes, 0);
    return { first: name(from), last: name(at - 1), subBatch, goesOn: enters, traffic: amount.traffic, held: bytes, ...more };
  };
  return [
    ...forward.map((chosen) => choice(chosen)),
    ...(turn?.chosen ?? []).map((chosen) => choice(chosen)),
    ...backward.flatMap(({ segment, alternatives, chosen }) =>
      chosen.map((part) => choice(part, { recompute: segment.mode, alternatives })),
    ),
  ];
}
