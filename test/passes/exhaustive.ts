import type { Evaluator } from '../../passes/mbs/opt/evaluate.ts';
import type { Part } from '../../passes/mbs/opt/part.ts';
import type { Parts, Segment } from '../../passes/mbs/opt/parts.ts';

/** How a run of parts costs: their traffic as one group, or, of a single part that may be split, as several. */
interface Runs {
  readonly evaluator: Evaluator;
  readonly sizes: readonly number[];
  /** What is known of parts, by sub-batch size and ends. */
  readonly costs: Map<Part, Map<string, number>>;
  /** What is known of parts alone. */
  readonly lone: Map<Part, number>;
}

/** Of the sub-batch sizes with as many iterations the smallest; the others differ from it by bursts that samples share. */
function sizesOf(batch: number): number[] {
  const iterations = (s: number): number => Math.ceil(batch / s);
  return Array.from({ length: batch }, (_, i) => i + 1).filter((s) => s === 1 || iterations(s) < iterations(s - 1));
}

type PieceOf = (at: number, kept: readonly string[], splits: boolean) => Part;

/** Parts in the order of execution; `stores` are the bytes that cross the pins where a group goes on behind a part, because backward reads its last result. */
type Chain = readonly { readonly part: Part; readonly stores: number }[];

/** The least traffic of forward and backward over the space of `optimize`, found by trying all of it; undefined where nothing runs. */
export function leastTraffic(parts: Parts, evaluator: Evaluator, longest: number): number | undefined {
  const { all, backward } = parts.positions;
  const last = all.length - 1;
  const sizes = sizesOf(parts.network.batch);
  const runs: Runs = { evaluator, sizes, costs: new Map(), lone: new Map() };
  const trains = backward.to > backward.from;
  const segments = segmentsOf(parts, trains, longest);
  const pieces = new Map<string, Part>();
  const pieceOf: PieceOf = (at, kept, splits) => {
    const key = `${at} ${splits} ${kept.join()}`;
    const piece = pieces.get(key) ?? parts.piece(at, new Set(kept), splits);
    pieces.set(key, piece);
    return piece;
  };
  let least = Number.POSITIVE_INFINITY;
  const consider = (cost: number): void => {
    least = Math.min(least, cost);
  };
  for (const segmentation of segmentations(0, last, segments)) {
    const [over, back] = chainsOf(parts, segmentation, pieceOf);
    consider(cheapest(over, runs) + cheapest(back, runs));
  }
  for (let at = last - 1; trains && at >= 0; at--) {
    const turn = parts.turn(at);
    for (const segmentation of segmentations(0, at, segments)) {
      const [over, back] = chainsOf(parts, segmentation, pieceOf);
      consider(cheapest([...over, { part: turn, stores: 0 }, ...back], runs));
    }
    // A turn that nothing can hold on chip is the last one that is considered.
    if (!sizes.some((s) => evaluator.at(turn, s, false, false)?.gaveWay === false)) break;
  }
  return least === Number.POSITIVE_INFINITY ? undefined : least;
}

type Way = Pick<Segment, 'from' | 'to'> & { readonly segment?: Segment };

/** Every segment that backward may be cut into, by its first position; inference has pieces alone. */
function segmentsOf(parts: Parts, trains: boolean, longest: number): ReadonlyMap<number, readonly Way[]> {
  const { all } = parts.positions;
  const byStart = new Map<number, Way[]>();
  all.forEach((start, from) => {
    const ways: Way[] = [];
    all.forEach((end, to) => {
      if (to <= from || (to > from + 1 && (!trains || end.forward - start.forward > longest))) return;
      const modes = to > from + 1 ? (['vector', 'all'] as const) : (['none', 'vector', 'all'] as const);
      if (trains) ways.push(...modes.map((mode) => ({ from, to, segment: parts.segment(from, to, mode) })));
      else ways.push({ from, to });
    });
    byStart.set(from, ways);
  });
  return byStart;
}

function* segmentations(from: number, to: number, segments: ReadonlyMap<number, readonly Way[]>): Generator<readonly Way[]> {
  if (from === to) yield [];
  for (const way of segments.get(from) ?? [])
    if (way.to <= to) for (const rest of segmentations(way.to, to, segments)) yield [way, ...rest];
}

/** The forward and the backward parts of a segmentation. Forward stores whatever any segment reads. */
function chainsOf(parts: Parts, segmentation: readonly Way[], pieceOf: PieceOf): [Chain, Chain] {
  const { positions, network } = parts;
  const kept = new Set(segmentation.flatMap(({ segment }) => [...(segment?.kept ?? [])]));
  const over = segmentation.flatMap(({ from, to, segment }) =>
    Array.from({ length: to - from }, (_, i) => {
      const end = positions.all[from + i + 1];
      const isRead = end?.tensor !== undefined && kept.has(end.tensor);
      const inside = [...kept].filter((tensor) => tensor !== end?.tensor).sort();
      const part = pieceOf(from + i, inside, segment === undefined || to === from + 1);
      return { part, stores: isRead ? end.bytes * network.batch : 0 };
    }),
  );
  const back = segmentation.flatMap(({ segment }) => (segment === undefined ? [] : [{ part: segment.part, stores: 0 }]));
  return [over, back.reverse()];
}

/** The least traffic of a chain over all ways to cut it into groups and all sub-batch sizes of each. */
function cheapest(chain: Chain, runs: Runs): number {
  if (chain.length === 0) return 0;
  let least = Number.POSITIVE_INFINITY;
  for (let length = 1; length <= chain.length; length++)
    least = Math.min(least, groupCost(chain.slice(0, length), runs) + cheapest(chain.slice(length), runs));
  return least;
}

function groupCost(chain: Chain, runs: Runs): number {
  const [first] = chain;
  if (chain.length === 1 && first !== undefined) return loneCost(first.part, runs);
  const stores = chain.slice(0, -1).reduce((sum, { stores: bytes }) => sum + bytes, 0);
  const last = chain.length - 1;
  const goesOn = chain.every(({ part }, i) => (i === 0 || part.enters !== undefined) && (i === last || part.exits !== undefined));
  if (!goesOn) return Number.POSITIVE_INFINITY;
  const costs = runs.sizes.map((s) => chain.reduce((sum, { part }, i) => sum + costOf(part, s, i > 0, i < last, runs), stores));
  return Math.min(...costs);
}

/** A part with nothing on chip at its ends: as one group, or cut between its units in any way. */
function loneCost(part: Part, runs: Runs): number {
  const known = runs.lone.get(part);
  if (known !== undefined) return known;
  const costs = new Map<string, number>();
  const group = (from: number, to: number): number => {
    const key = `${from},${to}`;
    const cost = costs.get(key) ?? costOfGroup(from, to);
    costs.set(key, cost);
    return cost;
  };
  const costOfGroup = (from: number, to: number): number => {
    const { enters: _, exits, ...rest } = part;
    // What leaves the part is read elsewhere, so that it must be stored by the group that makes it.
    const whole = from === part.from && to === part.to;
    const range = whole ? part : { ...rest, from, to, stored: new Set([...part.stored, ...(exits === undefined ? [] : [exits])]) };
    return Math.min(...runs.sizes.map((s) => costOf(range, s, false, false, runs)));
  };
  const ends = part.splits ? unitEnds(part) : [part.to];
  const from = (at: number): number =>
    at === part.to ? 0 : Math.min(...ends.filter((end) => end > at).map((end) => group(at, end) + from(end)));
  const least = from(part.from);
  runs.lone.set(part, least);
  return least;
}

function unitEnds({ network, from, to }: Part): number[] {
  const ends: number[] = [];
  for (let i = from + 1; i <= to; i++) if (i === to || network.layers[i]?.unit !== network.layers[i - 1]?.unit) ends.push(i);
  return ends;
}

function costOf(part: Part, subBatch: number, enters: boolean, exits: boolean, { evaluator, costs }: Runs): number {
  const known = costs.get(part) ?? new Map<string, number>();
  costs.set(part, known);
  const key = `${subBatch} ${enters} ${exits}`;
  const cost = known.get(key) ?? evaluator.at(part, subBatch, enters, exits)?.amount.traffic ?? Number.POSITIVE_INFINITY;
  known.set(key, cost);
  return cost;
}
