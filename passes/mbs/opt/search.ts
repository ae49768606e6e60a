import { diag, fail } from '../../../ir/diagnostics.ts';
import type { Held } from '../residency.ts';
import { subBatches } from '../sizes.ts';
import { type Amount, ZERO } from './amount.ts';
import type { Alike, Evaluator } from './evaluate.ts';
import type { Objective } from './objective.ts';
import type { Part } from './part.ts';
import type { Parts, Segment } from './parts.ts';
import { RECOMPUTE, type Recompute } from './recompute.ts';
import { split } from './split.ts';
import { Table } from './table.ts';

/** A part as the search has decided to run it. */
export interface Chosen {
  readonly part: Part;
  readonly subBatch: number;
  /** Whether it goes on with the group of the part before it, and the part behind with its. */
  readonly enters: boolean;
  readonly exits: boolean;
  readonly amount: Amount;
  /** What its group holds over the iterations. */
  readonly held?: readonly Held[];
}

/** The best schedule: what runs, in order, and how backward was made. */
export interface Found {
  readonly forward: readonly Chosen[];
  /** In the order of execution, from the last segment to the first. */
  readonly backward: readonly {
    readonly segment: Segment;
    readonly chosen: readonly Chosen[];
    /** What every way of recomputation costs as a group of its own. */
    readonly alternatives: Readonly<Partial<Record<Segment['mode'], number>>>;
  }[];
  /** Position from which on forward and backward are one part; the last one where they are not fused. */
  readonly turn?: { readonly from: number; readonly chosen: readonly Chosen[] };
  readonly cost: number;
}

/** Forward layers that a segment of several pieces may hold. */
const LONGEST_SEGMENT = 40;

interface Step {
  readonly before: number;
  /** How backward was made; absent in inference. */
  readonly mode: Recompute | undefined;
  readonly enterForward: number;
  readonly exitBackward: number;
}

/** Everything between two positions in one way of recomputation. */
interface Way {
  readonly mode: Recompute | undefined;
  /** In forward order. */
  readonly pieces: readonly Alike[];
  readonly backward: Alike | undefined;
  /** Cost of storing what backward reads of the tensor at the first position, where a group goes on over it. */
  readonly storeCost: number;
}

interface State {
  /** Cost of everything between the start and this position, by what goes on forward (row) and backward (column). */
  readonly costs: Table;
  readonly steps: (Step | undefined)[];
}

/**
 * Least cost over all ways to cut a step at positions: shortest path over the positions, the state being which sub-batch size
 * the forward and the backward group across the position have, if any.
 */
export class Search {
  private readonly parts: Parts;
  private readonly evaluator: Evaluator;
  private readonly objective: Objective;
  private readonly sizes: readonly number[];
  private readonly batch: number;
  private readonly trains: boolean;

  constructor(parts: Parts, evaluator: Evaluator, objective: Objective) {
    this.parts = parts;
    this.evaluator = evaluator;
    this.objective = objective;
    this.batch = parts.network.batch;
    this.sizes = subBatches(this.batch);
    const { backward } = parts.positions;
    this.trains = backward.to > backward.from;
  }

  run(): Found | undefined {
    const { all } = this.parts.positions;
    const size = this.sizes.length + 1;
    const states: State[] = all.map(() => ({ costs: new Table(size), steps: new Array<Step | undefined>(size * size) }));
    states[0]?.costs.set(0, 0, 0);
    all.forEach((_, at) => {
      const state = states[at];
      if (state === undefined || at === 0) return;
      for (let before = at - 1; before >= 0; before--) {
        const ways = this.waysBetween(before, at);
        if (ways.length === 0) break;
        const from = states[before];
        if (from !== undefined) for (const way of ways) this.extend(from, state, before, way);
      }
    });
    return this.finish(states);
  }

  /** Plans parts that were chosen, and all that are like them, with less of the buffer. */
  tighten(chosen: readonly Chosen[]): void {
    for (const { part, subBatch } of chosen) {
      this.evaluator.tighten(part, subBatch);
      this.tablesOf.delete(this.evaluator.alike(part));
    }
    for (const alike of this.tablesOf.keys()) if (alike.part.splits) this.tablesOf.delete(alike);
  }

  private readonly ways = new Map<string, readonly Way[]>();
  private waysBetween(from: number, to: number): readonly Way[] {
    const key = `${from},${to}`;
    const known = this.ways.get(key) ?? this.modesBetween(from, to).map((mode) => this.wayOf(from, to, mode));
    this.ways.set(key, known);
    return known;
  }

  /** How backward may run between two positions; in inference there is one way, which has no backward. */
  private modesBetween(from: number, to: number): readonly (Recompute | undefined)[] {
    if (!this.trains) return to === from + 1 ? [undefined] : [];
    if (to === from + 1) return RECOMPUTE;
    const { all } = this.parts.positions;
    return (all[to]?.forward ?? 0) - (all[from]?.forward ?? 0) > LONGEST_SEGMENT ? [] : RECOMPUTE.filter((mode) => mode !== 'none');
  }

  private wayOf(from: number, to: number, mode: Recompute | undefined): Way {
    const segment = mode === undefined ? undefined : this.parts.segment(from, to, mode);
    const pieces: Alike[] = [];
    for (let at = from; at < to; at++) pieces.push(this.evaluator.alike(this.pieceOf(at, segment, to)));
    const backward = segment === undefined ? undefined : this.evaluator.alike(segment.part);
    return { mode, pieces, backward, storeCost: this.storeCost(from, segment) };
  }

  private extend(from: State, to: State, before: number, { mode, pieces, backward: alike, storeCost: kept }: Way): void {
    const forward = pieces.map((piece) => this.tableOf(piece)).reduce((table, next) => table.before(next));
    const backward = alike === undefined ? Table.nothing(to.costs.size) : this.tableOf(alike);
    const { size } = to.costs;
    const middle = new Table(size);
    const entered = new Int32Array(size * size);
    for (let g = 0; g < size; g++)
      for (let f = 0; f < size; f++) {
        const cost = from.costs.at(f, g) + (f === 0 ? 0 : kept);
        if (cost === Number.POSITIVE_INFINITY) continue;
        for (let next = 0; next < size; next++) {
          const sum = cost + forward.at(f, next);
          if (sum < middle.at(next, g)) {
            middle.set(next, g, sum);
            entered[next * size + g] = f;
          }
        }
      }
    for (let f = 0; f < size; f++)
      for (let g = 0; g < size; g++) {
        const cost = middle.at(f, g);
        if (cost === Number.POSITIVE_INFINITY) continue;
        // Backward runs from this position to the one before: it exits where the state before goes on.
        for (let next = 0; next < size; next++) {
          const sum = cost + backward.at(next, g);
          if (sum < to.costs.at(f, next)) {
            to.costs.set(f, next, sum);
            to.steps[f * size + next] = { before, mode, enterForward: entered[f * size + g] ?? 0, exitBackward: g };
          }
        }
      }
  }

  /** What it costs that backward reads the tensor at a position from DRAM, where no group ends and would store it anyway. */
  private storeCost(at: number, segment: Segment | undefined): number {
    const position = this.parts.positions.all[at];
    if (segment === undefined || position?.tensor === undefined || !segment.kept.has(position.tensor)) return 0;
    return this.objective({ ...ZERO, traffic: position.bytes * this.batch });
  }

  private readonly pieces = new Map<string, Part>();
  /** A forward piece, storing what the backward segment around it reads; the tensor at its end is the next segment's concern. */
  private pieceOf(at: number, segment: Segment | undefined, to: number): Part {
    const end = at + 1 === to ? this.parts.positions.all[to]?.tensor : undefined;
    const kept = this.parts.madeBy(at).filter((tensor) => tensor !== end && segment?.kept.has(tensor));
    const splits = segment === undefined || (segment.from === at && segment.to === at + 1);
    const key = `${at},${splits},${kept.join()}`;
    const piece = this.pieces.get(key) ?? this.parts.piece(at, new Set(kept), splits);
    this.pieces.set(key, piece);
    return piece;
  }

  private readonly tablesOf = new Map<Alike, Table>();
  private tableOf(alike: Alike): Table {
    const known = this.tablesOf.get(alike);
    if (known !== undefined) return known;
    const { part } = alike;
    const table = new Table(this.sizes.length + 1);
    this.sizes.forEach((subBatch, i) => {
      for (const [enters, exits] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ] as const) {
        if ((enters && part.enters === undefined) || (exits && part.exits === undefined)) continue;
        const evaluation = this.evaluator.at(part, subBatch, enters, exits);
        if (evaluation === undefined) continue;
        const [row, column] = [enters ? i + 1 : 0, exits ? i + 1 : 0];
        const cost = this.objective(evaluation.amount);
        if (cost < table.at(row, column)) table.set(row, column, cost);
      }
    });
    const apart = this.splitOf(part, table.at(0, 0));
    if (apart !== undefined && apart.cost < table.at(0, 0)) table.set(0, 0, apart.cost);
    this.tablesOf.set(alike, table);
    return table;
  }

  /** The part as several groups, where that costs less than `limit`. */
  private splitOf(part: Part, limit: number): ReturnType<typeof split> {
    return part.splits ? split(part, limit, this.sizes, this.evaluator, this.objective) : undefined;
  }

  private finish(states: readonly State[]): Found | undefined {
    const last = states.length - 1;
    let best: { at: number; f: number; g: number; cost: number; turn?: Part } = {
      at: last,
      f: 0,
      g: 0,
      cost: states[last]?.costs.at(0, 0) ?? Number.POSITIVE_INFINITY,
    };
    for (let at = last - 1; this.trains && at >= 0; at--) {
      const turn = this.turnAt(at);
      const table = this.tableOf(this.evaluator.alike(turn));
      const costs = states[at]?.costs;
      for (let f = 0; f < table.size; f++)
        for (let g = 0; g < table.size; g++) {
          const cost = (costs?.at(f, g) ?? Number.POSITIVE_INFINITY) + table.at(f, g);
          if (cost < best.cost) best = { at, f, g, cost, turn };
        }
      if (!this.keepsAll(turn)) break;
    }
    return best.cost === Number.POSITIVE_INFINITY ? undefined : this.trace(states, best);
  }

  private readonly turns: Part[] = [];
  private turnAt(at: number): Part {
    const turn = this.turns[at] ?? this.parts.turn(at);
    this.turns[at] = turn;
    return turn;
  }

  /** Whether some sub-batch of a turn runs with everything on chip. */
  private keepsAll(turn: Part): boolean {
    return this.sizes.some((subBatch) => this.evaluator.at(turn, subBatch, false, false)?.gaveWay === false);
  }

  private trace(states: readonly State[], best: { at: number; f: number; g: number; cost: number; turn?: Part }): Found {
    const forward: Chosen[] = [];
    const backward: Found['backward'][number][] = [];
    const turn = best.turn === undefined ? undefined : { from: best.at, chosen: this.choose(best.turn, best.f, best.g) };
    let { at, f, g } = best;
    while (at > 0) {
      const state = states[at];
      const step = state?.steps[f * state.costs.size + g];
      if (step === undefined) break;
      const segment = step.mode === undefined ? undefined : this.parts.segment(step.before, at, step.mode);
      if (segment !== undefined)
        backward.push({
          segment,
          chosen: this.choose(segment.part, g, step.exitBackward),
          alternatives: this.alternatives(step.before, at),
        });
      forward.unshift(...this.forwardPath(step, segment, at, f));
      [at, f, g] = [step.before, step.enterForward, step.exitBackward];
    }
    return { forward, backward, ...(turn === undefined ? {} : { turn }), cost: best.cost };
  }

  private alternatives(from: number, to: number): Partial<Record<Segment['mode'], number>> {
    const ways = this.waysBetween(from, to).flatMap(({ mode, backward }) =>
      backward === undefined ? [] : [[mode, this.tableOf(backward).at(0, 0)]],
    );
    return Object.fromEntries(ways);
  }

  /** The pieces of a segment on the cheapest way between two ends. */
  private forwardPath(step: Step, segment: Segment | undefined, to: number, exit: number): Chosen[] {
    const size = this.sizes.length + 1;
    const parts: Part[] = [];
    for (let at = step.before; at < to; at++) parts.push(this.pieceOf(at, segment, to));
    const tables = parts.map((part) => this.tableOf(this.evaluator.alike(part)));
    const behind = [Table.nothing(size)];
    for (let i = tables.length - 1; i >= 0; i--)
      behind.unshift((tables[i] ?? Table.nothing(size)).before(behind[0] ?? Table.nothing(size)));
    let enter = step.enterForward;
    return parts.flatMap((part, i) => {
      let next = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let b = 0; b < size; b++) {
        const cost = (tables[i]?.at(enter, b) ?? 0) + (behind[i + 1]?.at(b, exit) ?? 0);
        if (cost < least) [least, next] = [cost, b];
      }
      const chosen = this.choose(part, enter, next);
      enter = next;
      return chosen;
    });
  }

  /** How a part runs between two ends: with the sub-batch that goes on, or the cheapest way where both are boundaries. */
  private choose(part: Part, enter: number, exit: number): readonly Chosen[] {
    const [enters, exits] = [enter > 0, exit > 0];
    const fixed = this.sizes[Math.max(enter, exit) - 1];
    let best: Chosen | undefined;
    for (const subBatch of fixed === undefined ? this.sizes : [fixed]) {
      const amount = this.evaluator.at(part, subBatch, enters, exits)?.amount;
      if (amount === undefined) continue;
      if (best === undefined || this.objective(amount) < this.objective(best.amount)) best = { part, subBatch, enters, exits, amount };
    }
    const cost = best === undefined ? Number.POSITIVE_INFINITY : this.objective(best.amount);
    const apart = enters || exits ? undefined : this.splitOf(part, cost);
    if (apart !== undefined && apart.cost < cost) return apart.pieces.map((piece) => ({ ...piece, enters: false, exits: false }));
    return [best ?? fail(diag.internal({}, 'a part that was chosen cannot run'))];
  }
}
