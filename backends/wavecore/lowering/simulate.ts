import type { Machine } from '../machine/machine.ts';
import type { Before } from './conflicts.ts';
import type { Cost } from './cost.ts';

/** A task as it is issued: all of it, or its first loads alone. */
export interface Issue {
  readonly task: number;
  readonly head: boolean;
  /** First loads that are issued a round ahead: in each round those for the next one, and for the first one before it. */
  readonly ahead?: true;
}

/** Extents of the machine that estimates depend on. */
export interface Pace {
  /** Cycles from the end of a transfer until its data is there. */
  readonly dramLatency: number;
  /** Cycles from the last row of a wave until its results are there. */
  readonly arrayLatency: number;
  /** Cycles that an instruction of the vector unit takes beside its passes. */
  readonly vectorStart: number;
  /** Instructions of a queue, and cycles of the waves that that of the matrix unit holds. */
  readonly queueDepth: number;
  readonly matrixAhead: number;
}

export function paceOf({ array, dram, vector, queueDepth }: Machine): Pace {
  return {
    dramLatency: dram.latencyCycles,
    arrayLatency: array.rows + array.columns,
    vectorStart: vector.startCycles,
    queueDepth,
    // A wave takes three instructions, and every few a drain.
    matrixAhead: (queueDepth / 4) * array.waveRows,
  };
}

/**
 * Instructions of a turn that move data, of a piece that store what an update makes, that wait or signal, those that configure the vector unit for a
 * task, and those of the sequencer (typical).
 */
const TRANSFERS = 2;
const UPDATED = 3;
const SYNCS = 1;
const CONFIGURATIONS = 1;
const SEQUENCER = 40;
/** Turns that are told apart, those that end in updates, and pieces of an update in each. */
const MOST_TURNS = 8;
const MOST_UPDATED = 32;
const MOST_PIECES = 16;

const [LOAD, STORE, MATRIX, VECTOR] = [0, 1, 2, 3] as const;

/** Estimates how long tasks take in a given order of issue. */
export class Simulation {
  private readonly costs: readonly Cost[];
  /** By task and queue: what must have completed before, as positions in `done` of this iteration or, from −1 down, of the one before. */
  private readonly before: readonly Int32Array[];
  private readonly pace: Pace;
  /** By iteration parity, task and queue: when it has completed. */
  private readonly done: readonly [Float64Array, Float64Array];
  /** By task: when what the iteration before has loaded for the next one is there. */
  private readonly ahead: Float64Array;
  /** By task: when the totals that its results are added to are 0. */
  private readonly cleared: Float64Array;

  private now = 0;
  private readonly free = new Float64Array(4);
  private readonly last = new Float64Array(4);
  private readonly starts: Float64Array;
  private readonly oldest = new Int32Array(4);
  /** Stretches in which the DRAM is busy, and how many there are. */
  private readonly busyFrom: Float64Array;
  private readonly busyTo: Float64Array;
  private stretches = 0;
  private current = 0;

  constructor(costs: readonly Cost[], before: readonly (readonly (readonly Before[])[])[], pace: Pace) {
    this.costs = costs;
    const position = ({ task, queue }: Before): number => (task >= 0 ? 4 * task + queue : -1 - (4 * (task + costs.length) + queue));
    this.before = before.flatMap((queues) => queues.map((list) => Int32Array.from(list, position)));
    this.pace = pace;
    this.done = [new Float64Array(4 * costs.length), new Float64Array(4 * costs.length)];
    this.ahead = new Float64Array(costs.length);
    this.cleared = new Float64Array(costs.length);
    this.starts = new Float64Array(4 * pace.queueDepth);
    // Every transfer adds one at most.
    const transfers =
      3 * costs.reduce((sum, { updated }) => sum + (updated === undefined ? 3 * MOST_TURNS : MOST_UPDATED * (2 + 2 * MOST_PIECES)), 0);
    this.busyFrom = new Float64Array(transfers);
    this.busyTo = new Float64Array(transfers);
  }

  /** Cycles until `iterations` iterations of the tasks have completed, from two or three of them. */
  run(order: readonly Issue[], iterations: number): number {
    this.reset();
    const headed = new Uint8Array(this.costs.length);
    for (const { task, head } of order) if (head) headed[task] = 1;
    const early = order.filter(({ ahead }) => ahead === true);
    this.prepare(early);
    const ends: number[] = [];
    for (let i = 0; i < Math.min(3, iterations); i++) {
      this.current = i % 2;
      const done = this.done[this.current];
      done?.fill(0);
      for (const { task } of early) if (done !== undefined) done[4 * task + LOAD] = this.ahead[task] ?? 0;
      for (const { task, head, ahead } of order) {
        if (ahead === true) {
          if (i + 1 < iterations) this.headAhead(task);
        } else if (head) this.head(task);
        else this.body(task, headed[task] === 1);
      }
      ends.push(Math.max(...this.last));
    }
    const [, second = 0, third = 0] = ends;
    return (ends.at(-1) ?? 0) + Math.max(0, iterations - 3) * (third - second);
  }

  private reset(): void {
    this.now = 0;
    for (const list of [this.free, this.last, this.starts, this.oldest, ...this.done]) list.fill(0);
    this.stretches = 0;
  }

  /** Loads what the first iteration finds loaded, before it begins. */
  private prepare(early: readonly Issue[]): void {
    for (const { task } of early) this.ahead[task] = this.loadFirst(task, 0);
    if (early.length > 0) this.now = Math.max(this.now, ...early.map(({ task }) => this.ahead[task] ?? 0));
  }

  private head(task: number): void {
    this.complete(task, LOAD, this.loadFirst(task, this.ready(task, LOAD)));
  }

  /** The same for the next iteration, of which nothing stands in front of it. */
  private headAhead(task: number): void {
    const loaded = this.loadFirst(task, this.readyBehind(task));
    this.ahead[task] = loaded;
    this.last[LOAD] = Math.max(this.last[LOAD] ?? 0, loaded);
  }

  private loadFirst(task: number, ready: number): number {
    this.now += SEQUENCER / 4;
    const cost = this.costs[task];
    const loaded = this.transferAll(cost?.heads ?? [], ready);
    if (cost?.gathers === true) this.cleared[task] = this.clear();
    return loaded;
  }

  private transferAll(heads: Cost['heads'], ready: number): number {
    let loaded = 0;
    for (const { cycles, instructions } of heads) loaded = this.transfer(LOAD, ready, cycles, instructions);
    return loaded;
  }

  /** The vector unit clears totals, behind all that it has been given. */
  private clear(): number {
    return this.pass(0, 0, 1, false);
  }

  private body(task: number, headed: boolean): void {
    const cost = this.costs[task];
    if (cost === undefined) return;
    this.now += SEQUENCER;
    const loadsLater = cost.load > 0;
    const most = cost.updated === undefined ? MOST_TURNS : MOST_UPDATED;
    const turns = loadsLater || cost.store > 0 ? Math.min(most, cost.turns) : 1;
    const loadedFirst = Math.min(turns - 1, cost.first);
    const load = loadsLater && turns > 1 ? cost.load / (turns - loadedFirst) : 0;
    let loaded = this.done[this.current]?.[4 * task + LOAD] ?? 0;
    if (!headed && cost.heads.length > 0) loaded = this.transferAll(cost.heads, this.ready(task, LOAD));
    // Where more follows, first loads are mostly waited for in the queue of loads, behind those of later tasks that have been issued.
    else if (headed && loadsLater && cost.apart !== true) loaded = Math.max(loaded, this.last[LOAD] ?? 0);
    const unit = cost.matrix > 0 ? MATRIX : VECTOR;
    let ready = this.ready(task, unit);
    if (cost.gathers === true) ready = Math.max(ready, headed ? (this.cleared[task] ?? 0) : this.clear());
    let computed = 0;
    let stored = 0;
    // A load takes the place of the turn before the last: when that has been computed or, of partial sums, stored.
    let before = 0;
    /** When what the update behind the turn before, and the one before that, needs is no longer needed. */
    let [updated, updatedBefore] = [0, 0];
    for (let turn = 0; turn < turns; turn++) {
      ready = Math.max(ready, updatedBefore);
      const next = turn + 1 < turns && turn + 1 >= loadedFirst && load > 0 ? this.transfer(LOAD, before, load) : loaded;
      ready = Math.max(ready, loaded);
      before = cost.returns ? stored : computed;
      computed =
        unit === MATRIX
          ? this.multiply(ready, cost.matrix / turns, turn === 0)
          : this.pass(ready, cost.vector / turns, cost.passes, turn === 0);
      if (cost.updated !== undefined) {
        const { panels } = cost.updated;
        const finished = Math.floor(((turn + 1) * panels) / turns) - Math.floor((turn * panels) / turns);
        if (finished > 0) {
          [computed, stored] = this.update(task, computed, finished);
          [updatedBefore, updated] = [updated, computed];
        }
      } else if (cost.store > 0)
        stored = this.transfer(STORE, Math.max(computed, turn === 0 ? this.ready(task, STORE) : 0), cost.store / turns);
      loaded = next;
    }
    this.complete(task, LOAD, loaded);
    this.complete(task, unit, computed);
    if (cost.gathers === true) this.complete(task, VECTOR, this.pass(computed, 0, 1, false));
    if (cost.passesOver === true) this.complete(task, VECTOR, this.free[VECTOR] ?? 0);
    if (cost.store > 0) this.complete(task, STORE, stored);
  }

  /** The update of panels that are computed at `ready`, piece by piece, two of which are under way: when it has been computed, and stored. */
  private update(task: number, ready: number, finished: number): [computed: number, stored: number] {
    const { updated, vector = 0, store = 0 } = this.costs[task] ?? {};
    const { load = 0, panels = 1, pieces = 1 } = updated ?? {};
    const told = Math.min(MOST_PIECES, pieces * finished);
    const share = finished / panels / told;
    let [end, free, freeBefore] = [ready, this.ready(task, STORE), 0];
    for (let piece = 0; piece < told; piece++) {
      const loaded = this.transfer(LOAD, freeBefore, load * share);
      end = this.pass(Math.max(end, loaded), vector * share, 1, true);
      const stored = this.transfer(STORE, piece === 0 ? Math.max(end, free) : end, store * share, UPDATED);
      [freeBefore, free] = [piece === 0 ? 0 : free, stored];
    }
    return [end, free];
  }

  /** When everything has completed that the work of a task on a queue waits for. */
  private ready(task: number, queue: number): number {
    let ready = 0;
    const before = this.before[4 * task + queue];
    const own = this.done[this.current];
    const other = this.done[1 - this.current];
    if (before === undefined || own === undefined || other === undefined) return ready;
    for (let i = 0; i < before.length; i++) {
      const at = before[i] ?? 0;
      const time = (at >= 0 ? own[at] : other[-1 - at]) ?? 0;
      if (time > ready) ready = time;
    }
    return ready;
  }

  /** When everything of this iteration has completed that the loads of a task in the next one wait for. */
  private readyBehind(task: number): number {
    const own = this.done[this.current];
    let ready = 0;
    for (const at of this.before[4 * task + LOAD] ?? []) if (at < 0) ready = Math.max(ready, own?.[-1 - at] ?? 0);
    return ready;
  }

  private complete(task: number, queue: number, time: number): void {
    const done = this.done[this.current];
    if (done !== undefined) done[4 * task + queue] = time;
    if (time > (this.last[queue] ?? 0)) this.last[queue] = time;
  }

  /** Puts instructions into a queue, the sequencer waiting while it is full; they start at `start`. */
  private issue(queue: number, count: number, start: number): void {
    const { queueDepth: depth } = this.pace;
    for (let i = 0; i < count; i++) {
      const at = queue * depth + (this.oldest[queue] ?? 0);
      this.now = Math.max(this.now, this.starts[at] ?? 0);
      this.starts[at] = start;
      this.oldest[queue] = ((this.oldest[queue] ?? 0) + 1) % depth;
    }
  }

  private transfer(queue: number, ready: number, cycles: number, instructions = TRANSFERS): number {
    const start = Math.max(ready, this.free[queue] ?? 0, this.now);
    this.issue(queue, instructions, start);
    if (cycles === 0) return Math.max(start, this.last[queue] ?? 0);
    const end = this.reserve(Math.max(start, this.now), cycles);
    this.free[queue] = end;
    return end + this.pace.dramLatency;
  }

  private pass(ready: number, cycles: number, passes: number, first: boolean): number {
    const start = Math.max(ready, this.free[VECTOR] ?? 0, this.now);
    this.issue(VECTOR, (first ? CONFIGURATIONS : 0) + SYNCS + passes, start);
    const end = Math.max(start, this.now) + cycles + passes * this.pace.vectorStart;
    this.free[VECTOR] = end;
    return end;
  }

  /** The sequencer goes on when the last waves are in the queue. */
  private multiply(ready: number, cycles: number, first: boolean): number {
    const start = Math.max(ready, this.free[MATRIX] ?? 0, this.now);
    if (first) this.now = Math.max(this.now, ready);
    const end = start + cycles;
    this.now = Math.max(this.now, end - this.pace.matrixAhead);
    this.free[MATRIX] = end;
    return end + this.pace.arrayLatency;
  }

  /** The first cycles from `start` on in which the DRAM is free; nothing will start before both queues are. */
  private reserve(start: number, cycles: number): number {
    const { busyFrom, busyTo } = this;
    const gone = Math.min(this.free[LOAD] ?? 0, this.free[STORE] ?? 0);
    let first = 0;
    while (first < this.stretches && (busyTo[first] ?? 0) < gone) first++;
    let i = first;
    while (i < this.stretches && (busyTo[i] ?? 0) < start) i++;
    // What comes between here and the new end becomes one stretch with it.
    const joined = i;
    let [time, left, from] = [start, cycles, start];
    for (; i < this.stretches; i++) {
      const next = busyFrom[i] ?? 0;
      if (next - time > left) break;
      if (next > time) left -= next - time;
      else if (i === joined) from = Math.min(from, next);
      time = Math.max(time, busyTo[i] ?? 0);
    }
    const end = time + left;
    // Stretches in front of both queues are dropped, the others move to where the new one leaves them room.
    for (const stretches of [busyFrom, busyTo]) {
      if (first > 0) stretches.copyWithin(0, first, joined);
      stretches.copyWithin(joined - first + 1, i, this.stretches);
    }
    busyFrom[joined - first] = from;
    busyTo[joined - first] = end;
    this.stretches += joined - first + 1 - i;
    return end;
  }
}
