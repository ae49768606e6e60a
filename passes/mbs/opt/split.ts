import { unitsOf } from '../units.ts';
import type { Amount } from './amount.ts';
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

/** The cheapest way to run a part as several groups of its units, each with its own sub-batch size; what passes between them goes through DRAM. */
export function split(
  part: Part,
  sizes: readonly number[],
  evaluator: Evaluator,
  objective: (amount: Amount) => number,
): { readonly pieces: readonly Piece[]; readonly cost: number } | undefined {
  const units = unitsOf(part.network, part.from, part.to);
  if (units.length < 2 || units.length > MOST_UNITS) return undefined;
  const { enters: _enters, exits, ...inside } = part;
  const stored = exits === undefined ? part.stored : new Set([...part.stored, exits]);
  /** Least cost of the units from an index on, and the first group of it. */
  const best: { cost: number; piece?: Piece; next: number }[] = units.map(() => ({ cost: Number.POSITIVE_INFINITY, next: 0 }));
  best.push({ cost: 0, next: 0 });
  for (let i = units.length - 1; i >= 0; i--) {
    for (let j = i + 1; j <= units.length; j++) {
      if (i === 0 && j === units.length) continue;
      const range: Part = { ...inside, stored, from: units[i]?.from ?? 0, to: units[j - 1]?.to ?? 0 };
      let runs = false;
      for (const subBatch of sizes) {
        const amount = evaluator.at(range, subBatch, false, false)?.amount;
        if (amount === undefined) continue;
        runs = true;
        const cost = objective(amount) + (best[j]?.cost ?? 0);
        if (cost < (best[i]?.cost ?? 0)) best[i] = { cost, piece: { part: range, subBatch, amount }, next: j };
      }
      if (!runs) break;
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
