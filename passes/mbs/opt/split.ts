import type { LayerView, Operand } from '../network.ts';
import { readsAll } from '../striped.ts';
import { finestStripes, stripesOf } from '../tiling.ts';
import { unitsOf } from '../units.ts';
import { type Amount, ZERO } from './amount.ts';
import type { Evaluator } from './evaluate.ts';
import type { Part } from './part.ts';

/** A part of a part that is a group of its own. */
export interface Piece {
  readonly part: Part;
  readonly subBatch: number;
  readonly amount: Amount;
}

/** Units beyond which a part is not split: the ranges of its units grow with their square. */
const MOST_UNITS = 64;

/**
 * The cheapest way to run a part as several groups of its units, each with its own sub-batch size; what passes between them goes through DRAM.
 * Undefined where there is none, or none that costs less than `limit`.
 */
export function split(
  part: Part,
  limit: number,
  sizes: readonly number[],
  evaluator: Evaluator,
  objective: (amount: Amount) => number,
): { readonly pieces: readonly Piece[]; readonly cost: number } | undefined {
  const units = unitsOf(part.network, part.from, part.to);
  if (units.length < 2 || units.length > MOST_UNITS) return undefined;
  const { enters: _enters, exits, ...inside } = part;
  const stored = exits === undefined ? part.stored : new Set([...part.stored, exits]);
  const rangeOf = (i: number, j: number): Part => ({ ...inside, stored, from: units[i]?.from ?? 0, to: units[j - 1]?.to ?? 0 });
  const least = (range: Part): number => objective({ ...ZERO, traffic: leastTraffic(range) });
  const isWorse = (j: number): boolean => least(rangeOf(0, j)) + least(rangeOf(j, units.length)) >= limit;
  if (units.every((_, j) => j === 0 || isWorse(j))) return undefined;
  /** Least cost of the units from an index on, and the first group of it. */
  const best: { cost: number; piece?: Piece; next: number }[] = units.map(() => ({ cost: Number.POSITIVE_INFINITY, next: 0 }));
  best.push({ cost: 0, next: 0 });
  for (let i = units.length - 1; i >= 0; i--) {
    for (let j = units.length; j > i; j--) {
      if (i === 0 && j === units.length) continue;
      const range = rangeOf(i, j);
      const rest = best[j]?.cost ?? 0;
      if (least(range) + rest >= (best[i]?.cost ?? 0)) continue;
      for (const subBatch of sizes) {
        const amount = evaluator.at(range, subBatch, false, false)?.amount;
        if (amount === undefined) continue;
        const cost = objective(amount) + rest;
        if (cost < (best[i]?.cost ?? 0)) best[i] = { cost, piece: { part: range, subBatch, amount }, next: j };
      }
    }
  }
  const pieces: Piece[] = [];
  for (let i = 0; i < units.length; i = best[i]?.next ?? units.length) {
    const piece = best[i]?.piece;
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  return { pieces, cost: best[0]?.cost ?? Number.POSITIVE_INFINITY };
}

/** DRAM bytes that a group of these layers moves at least: what it shares with others, and what all samples share, once. */
function leastTraffic({ network, uses, stored, from, to }: Part): number {
  const { batch } = network;
  const seen = new Set<string>();
  let bytes = 0;
  const count = ({ tensor, batched, bytes: own }: Operand): void => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    bytes += batched ? own * batch : own;
  };
  const isNeeded = ({ tensor, batched }: Operand): boolean =>
    !batched || uses.kept.has(tensor) || stored.has(tensor) || (uses.readers.get(tensor) ?? []).some((reader) => reader >= to);
  const made = new Set<string>();
  for (const view of network.layers.slice(from, to)) {
    for (const o of readsWhole(view) ? view.inputs : []) if (!made.has(o.tensor)) count(o);
    for (const o of view.outputs) made.add(o.tensor);
    // A gradient that is updated from need not leave the chip.
    for (const o of view.update === undefined ? view.outputs : view.outputs.slice(1)) if (isNeeded(o)) count(o);
  }
  return bytes;
}

const wholes = new WeakMap<LayerView, boolean>();
/** Whether a layer reads its operands as a whole, however it is cut: a stride may pass over rows. */
function readsWhole(view: LayerView): boolean {
  const known = wholes.get(view) ?? (view.record.stripes === undefined || readsAll(view, stripesOf(view, finestStripes(view))));
  wholes.set(view, known);
  return known;
}
