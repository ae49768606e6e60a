import type { Group } from '../../../passes/mbs/schedule.ts';
import type { DebugRange } from '../program.ts';
import type { Iteration } from './context.ts';
import { type Affine, constant, type Emitter, plus, times } from './emitter.ts';
import { type Edge, orderTasks, type Touch } from './hazards.ts';
import { firstLoads } from './heads.ts';
import { freesOf } from './lifetimes.ts';
import { placesOf } from './places.ts';
import { edgeToken, QUEUES, type Queue, SYNC } from './queues.ts';
import type { Issue } from './simulate.ts';

type Between = (work: () => void) => void;

/** A piece of work that is issued at one go. */
export interface Task {
  /** Its iteration, of those that are issued together. */
  readonly turn: number;
  readonly touches: readonly Touch[];
  /** Emits it for an iteration of its group; what `between` is given stands between the tokens of the task. */
  emit(iteration: Iteration, between: Between): void;
}

/** A part of a step. */
export interface Body {
  readonly turn: number;
  readonly step: number;
  readonly touches: readonly Touch[];
  /** Whether its first loads are all its loads. */
  readonly atOnce: boolean;
  /** Emits its first loads alone. */
  head(iteration: Iteration, between: Between): void;
  /** @param frees bytes of the global buffer whose contents end with it */
  emit(iteration: Iteration, between: Between, headed: boolean, frees: NonNullable<DebugRange['frees']>): void;
}

/** The tasks of a pass over a group, in the order in which they are issued. */
export function tasksOf(group: Group, bodies: readonly Body[], order: readonly Issue[]): Task[] {
  const issued = order.flatMap(({ task, head }) => (head ? [] : (bodies[task] ?? [])));
  const frees = new Map(
    placesOf(group).flatMap((place, turn) => {
      const own = issued.filter((body) => body.turn === turn);
      return freesOf(place, own).map((free, i) => [own[i], free] as const);
    }),
  );
  const headed = new Set<Body>();
  return order.flatMap(({ task, head }) => {
    const body = bodies[task];
    if (body === undefined) return [];
    if (head) {
      headed.add(body);
      return [{ turn: body.turn, touches: firstLoads(body), emit: body.head }];
    }
    const isHeaded = headed.has(body);
    return [
      {
        turn: body.turn,
        touches: isHeaded && body.atOnce ? body.touches.filter(({ queue, late }) => queue !== 'load' || late === true) : body.touches,
        emit: (iteration, between) => body.emit(iteration, between, isHeaded, frees.get(body) ?? []),
      },
    ];
  });
}

/** Iterations of a group that one piece of code runs. */
export interface Pass {
  readonly samples: number;
  /** Number of the first of them. */
  readonly first: number;
  /** Iterations that are issued together, and how often. */
  readonly turns: number;
  readonly times: number;
  loop(e: Emitter, body: (iterations: readonly Iteration[]) => void): void;
}

/**
 * The iteration that is not full, which comes first because the last one may have updates behind it; full ones as a loop, two by two where they
 * alternate; and one of them that is left.
 */
export function passesOf(batch: number, { subBatch, alternating }: Group, firstSample: Affine): Pass[] {
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  const turns = alternating !== undefined && full > 1 ? 2 : 1;
  const at = (offset: Affine, samples: number): Iteration => ({
    offset,
    sample: plus(firstSample, offset),
    samples,
    remaining: plus(times(offset, -1), batch - samples),
  });
  const once = (first: number, offset: number, samples: number): Pass => ({
    samples,
    first,
    turns: 1,
    times: 1,
    loop: (e, body) => e.scope(() => body([at(constant(offset), samples)])),
  });
  const passes: Pass[] = [];
  const rounds = Math.floor(full / turns);
  const first = Math.min(1, rest);
  if (rest > 0) passes.push(once(0, 0, rest));
  if (full > 0) {
    const together = (offset: Affine): Iteration[] =>
      Array.from({ length: turns }, (_, turn) => at(plus(offset, rest + turn * subBatch), subBatch));
    passes.push({
      samples: subBatch,
      first,
      turns,
      times: rounds,
      loop: (e, body) => e.loop(rounds, turns * subBatch, (offset) => body(together(offset))),
    });
  }
  if (rounds * turns < full) passes.push(once(first + rounds * turns, rest + rounds * turns * subBatch, subBatch));
  return passes;
}

/** Emits tasks in order, each beginning when what it depends on has completed; behind the last all units are idle. */
export function emitTasks(e: Emitter, pass: Pass, tasks: readonly Task[]): void {
  const order = orderTasks(
    tasks.map(({ touches }) => touches),
    pass.times > 1,
  );
  const by = (edges: readonly Edge[], side: 'from' | 'to', act: 'wait' | 'signal'): void => {
    for (const queue of QUEUES) sync(e, queue, act, edges.filter((edge) => edge[side] === queue).map(tokenOf));
  };
  by(order.carried, 'from', 'signal');
  pass.loop(e, (iterations) => {
    tasks.forEach((task, i) => {
      const { waits = [], signals = [] } = order.tasks[i] ?? {};
      const iteration = iterations[task.turn];
      if (iteration === undefined) return;
      task.emit(iteration, (work) => {
        by(waits, 'to', 'wait');
        e.scope(work);
        by(signals, 'from', 'signal');
      });
    });
  });
  by(order.carried, 'to', 'wait');
  e.op('fence', {});
}

const tokenOf = ({ from, to }: Edge): number => edgeToken(from, to);

/** Waits for, or signals, any number of tokens in a queue. */
function sync(e: Emitter, queue: Queue, act: 'wait' | 'signal', tokens: readonly number[]): void {
  for (let i = 0; i < tokens.length; i += 2) e.op(SYNC[queue], {}, { [act]: tokens.slice(i, i + 2) });
}
