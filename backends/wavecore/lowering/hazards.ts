import { QUEUES, type Queue } from './queues.ts';
import { Ranges } from './ranges.ts';

/** What a task does, through one queue, to bytes of the global buffer or to a part of a storage in DRAM. */
export interface Touch {
  readonly queue: Queue;
  readonly write: boolean;
  /** The storage; undefined: the global buffer. */
  readonly storage?: string;
  readonly from: number;
  readonly to: number;
  /** Each iteration of the loop touches another part, none of them twice. */
  readonly moves?: boolean;
  /** It happens in the last iteration alone, which nothing follows. */
  readonly once?: boolean;
  /** It may be left out, in some iterations or in all. */
  readonly maybe?: boolean;
  /** Of the vector unit: it is done together with the first loads. */
  readonly early?: boolean;
  /** Of a load: it is none of the first ones, and the matrix unit does not wait for it. */
  readonly late?: boolean;
}

/** Work of `to` that may only begin when work of `from` has completed. */
export interface Edge {
  readonly from: Queue;
  readonly to: Queue;
}

/** The tokens of one task: those that it waits for before it begins, and those that it signals when it ends. */
export interface TaskOrder {
  readonly waits: readonly Edge[];
  readonly signals: readonly Edge[];
}

export interface LoopOrder {
  readonly tasks: readonly TaskOrder[];
  /** Edges from each iteration to the next: as many signals are there before the first, and left behind the last. */
  readonly carried: readonly Edge[];
}

/** The last tasks, by queue, that wrote and that read some bytes. */
interface Past {
  readonly written: number[];
  readonly read: number[];
}

/** By queue: the last task whose work on it is known to have completed. */
type Knowledge = Map<Queue, number>;

/**
 * The edges that keep tasks from meeting in what they touch, where they are issued in the order given and, if `repeats`, again and again. An
 * edge that follows from others is left out: a queue works in order, and knows what those it has waited for knew. All tasks before
 * the first have completed.  Of each pair of queues, waits and signals come in the same order, so that one token does for all its edges.
 */
export function orderTasks(tasks: readonly (readonly Touch[])[], repeats: boolean): LoopOrder {
  const count = tasks.length;
  const byQueue = tasks.map((touches) => new Map(QUEUES.map((q) => [q, touches.filter(({ queue }) => queue === q)])));
  const on = (task: number, queue: Queue): readonly Touch[] => byQueue[task % count]?.get(queue) ?? [];
  const known = new Map<Queue, Knowledge>(QUEUES.map((q) => [q, new Map(QUEUES.map((v) => [v, -1]))]));
  const knownTo = (queue: Queue): Knowledge => known.get(queue) ?? new Map();
  /** What each queue knows behind each task; the second iteration follows the first. */
  const behind: Map<Queue, Knowledge>[] = [];
  const waits = tasks.map((): Edge[] => []);
  const signals = tasks.map((): Edge[] => []);
  const carried: Edge[] = [];

  /** By stretch of bytes and queue: the last task that wrote, and that read it. */
  const history = new Ranges<Past>(
    () => ({ written: [-1, -1, -1, -1], read: [-1, -1, -1, -1] }),
    ({ written, read }) => ({ written: [...written], read: [...read] }),
  );
  /** By queue: the last task that `to` must wait for in the given one. */
  const producersOf = (task: number, to: Queue): readonly number[] => {
    const last = [-1, -1, -1, -1];
    for (const { write, storage, from, to: end } of on(task, to)) {
      history.visit(storage, from, end, (past) => {
        QUEUES.forEach((queue, q) => {
          // Within the matrix queue the order of halves leaves results that are read again alone.
          const meets = queue !== to ? (write ? past.read[q] : -1) : -1;
          const after = queue !== to || (to === 'matrix' && !write) ? past.written[q] : -1;
          last[q] = Math.max(last[q] ?? -1, meets ?? -1, after ?? -1);
        });
      });
    }
    return last;
  };
  const note = (task: number): void => {
    for (const { queue, write, storage, from, to } of tasks[task % count] ?? []) {
      history.visit(storage, from, to, (past) => {
        past[write ? 'written' : 'read'][QUEUES.indexOf(queue)] = task;
      });
    }
  };
  const waitFor = (to: Queue, from: Queue, p: number): void => {
    const mine = knownTo(to);
    learn(mine, behind[p]?.get(from));
    learn(mine, new Map([[from, p]]));
  };
  const visit = (task: number, to: Queue): void => {
    if (on(task, to).length === 0) return;
    const k = task % count;
    for (const { from } of task < count ? [] : (waits[k] ?? []).filter((e) => e.to === to && !isCarried.has(e))) {
      waitFor(to, from, count + (localProducer.get(`${k} ${from} ${to}`) ?? 0));
    }
    const found = producersOf(task, to);
    // In the second iteration, what belongs to it has been waited for already.
    const producers = QUEUES.map((from, q) => ({ from, p: found[q] ?? -1 })).filter(({ p }) => p >= 0 && (task < count || p < count));
    // The later a task, the more it knows of the others.
    for (const { from, p } of producers.sort((x, y) => y.p - x.p)) {
      if ((knownTo(to).get(from) ?? -1) >= p) continue;
      const edge = { from, to };
      waits[k]?.push(edge);
      signals[p]?.push(edge);
      if (task < count) localProducer.set(`${k} ${from} ${to}`, p);
      else {
        carried.push(edge);
        isCarried.add(edge);
      }
      waitFor(to, from, p);
    }
  };
  const isCarried = new Set<Edge>();
  /** The task that a wait within one iteration is for. */
  const localProducer = new Map<string, number>();

  for (let task = 0; task < (repeats ? 2 : 1) * count; task++) {
    if (task === count)
      for (const { storage, moves, once } of tasks.flat())
        if (storage !== undefined && (moves === true || once === true)) history.clear(storage);
    for (const queue of ['load', 'matrix', 'vector'] as const) visit(task, queue);
    // Within a task, compute units wait for all that is loaded, if anything is, and stores for the units whose results they are of.
    for (const unit of ['matrix', 'vector'] as const) {
      if (on(task, unit).every(({ maybe, early }) => maybe === true || early === true)) continue;
      const loads = on(task, 'load');
      const isBehind = loads.some(({ maybe }) => maybe !== true) && (unit === 'vector' || loads.every(({ late }) => late !== true));
      if (isBehind) {
        learn(knownTo(unit), knownTo('load'));
        learn(knownTo(unit), new Map([['load', task]]));
      }
      if (!isStored(on(task, unit), on(task, 'store'))) continue;
      learn(knownTo('store'), knownTo(unit));
      learn(knownTo('store'), new Map([[unit, task]]));
    }
    visit(task, 'store');
    note(task);
    behind.push(new Map(QUEUES.map((q) => [q, new Map(knownTo(q))])));
  }
  return { tasks: waits.map((w, i) => ({ waits: w, signals: signals[i] ?? [] })), carried };
}

/** Whether something that a unit writes is stored in any case. */
function isStored(work: readonly Touch[], stores: readonly Touch[]): boolean {
  const meets = (x: Touch, y: Touch): boolean => x.storage === undefined && y.storage === undefined && x.from < y.to && y.from < x.to;
  return work.some((x) => x.write && stores.some((y) => y.maybe !== true && meets(x, y)));
}

function learn(mine: Knowledge, other: Knowledge | undefined): void {
  for (const [queue, task] of other ?? []) if (task > (mine.get(queue) ?? -1)) mine.set(queue, task);
}
