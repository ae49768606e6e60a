import type { Group } from '../../../passes/mbs/schedule.ts';
import type { DebugRange } from '../program.ts';
import type { Iteration } from './context.ts';
import { type Affine, constant, type Emitter, plus } from './emitter.ts';
import { type Edge, orderTasks, type Touch } from './hazards.ts';
import { freesOf } from './lifetimes.ts';
import { edgeToken, QUEUES, type Queue, SYNC } from './queues.ts';
import type { Issue } from './simulate.ts';

type Between = (work: () => void) => void;

/** A piece of work that is issued at one go. */
export interface Task {
  readonly touches: readonly Touch[];
  /** Emits it for an iteration of its group; what `between` is given stands between the tokens of the task. */
  emit(iteration: Iteration, between: Between): void;
}

/** A part of a step. */
export interface Body {
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
  const frees = new Map(freesOf(group, issued).map((free, i) => [issued[i], free]));
  const headed = new Set<Body>();
  return order.flatMap(({ task, head }) => {
    const body = bodies[task];
    if (body === undefined) return [];
    if (head) {
      headed.add(body);
      return [{ touches: body.touches.filter(({ queue }) => queue === 'load'), emit: body.head }];
    }
    const isHeaded = headed.has(body);
    return [
      {
        touches: isHeaded && body.atOnce ? body.touches.filter(({ queue }) => queue !== 'load') : body.touches,
        emit: (iteration, between) => body.emit(iteration, between, isHeaded, frees.get(body) ?? []),
      },
    ];
  });
}

/** Iterations of a group that one piece of code runs. */
export interface Pass {
  readonly samples: number;
  readonly times: number;
  loop(e: Emitter, body: (iteration: Iteration) => void): void;
}

/** Full iterations as a loop, a shorter last one behind it. */
export function passesOf(batch: number, { subBatch }: Group, firstSample: Affine): Pass[] {
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  const at = (offset: Affine, samples: number): Iteration => ({ offset, sample: plus(firstSample, offset), samples });
  const passes: Pass[] = [];
  if (full > 0)
    passes.push({
      samples: subBatch,
      times: full,
      loop: (e, body) => e.loop(full, subBatch, (offset) => body(at(offset, subBatch))),
    });
  if (rest > 0) passes.push({ samples: rest, times: 1, loop: (e, body) => e.scope(() => body(at(constant(full * subBatch), rest))) });
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
  pass.loop(e, (iteration) => {
    tasks.forEach((task, i) => {
      const { waits = [], signals = [] } = order.tasks[i] ?? {};
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
