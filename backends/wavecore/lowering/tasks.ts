import type { Group } from '../../../passes/mbs/schedule.ts';
import type { DebugRange } from '../program.ts';
import { arrange, type Cost, meet } from './arrange.ts';
import type { Iteration } from './context.ts';
import { type Affine, constant, type Emitter, plus, times, ZERO } from './emitter.ts';
import { type Edge, orderTasks, type Touch } from './hazards.ts';
import { freesOf } from './lifetimes.ts';
import { edgeToken, QUEUES, type Queue, SYNC } from './queues.ts';

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
  readonly part: number;
  readonly touches: readonly Touch[];
  readonly cost: Cost;
  /** Whether its first loads are all its loads. */
  readonly atOnce: boolean;
  /** Emits its first loads alone. */
  head(iteration: Iteration, between: Between): void;
  /** @param frees bytes of the global buffer whose contents end with it */
  emit(iteration: Iteration, between: Between, headed: boolean, frees: NonNullable<DebugRange['frees']>): void;
}

/** Tasks that compute on the vector unit alone that a load may overtake, where none of the matrix unit stands between. */
const MOST_OVERTAKEN = 4;

/** Bodies in the order in which they are issued, the first loads of each one task of the matrix unit ahead where nothing in between stands against it. */
export function tasksOf(group: Group, bodies: readonly Body[]): Task[] {
  const issues = arrange(bodies);
  const ends = new Map(issues.map(({ job, end }) => [job, end]));
  const order = issues.flatMap(({ job }) => bodies[job] ?? []);
  /** By position: the bodies whose heads are issued before the body there, those first that can load first. */
  const heads = order.map((): { readonly body: number; readonly ready: number }[] => []);
  order.forEach((body, i) => {
    const loads = firstLoads(body);
    if (loads.length === 0) return;
    let at = i;
    while (at > 0 && i - at < MOST_OVERTAKEN && !meet(order[at - 1]?.touches ?? [], loads)) {
      at--;
      if ((order[at]?.cost.matrix ?? 0) > 0) break;
    }
    const after = (issues[i]?.after ?? []).filter((job) => meet(bodies[job]?.touches ?? [], loads));
    const ready = Math.max(0, ...after.map((job) => ends.get(job) ?? 0));
    heads[at]?.push({ body: i, ready });
  });
  const frees = freesOf(group, order);
  const tasks: Task[] = [];
  const headed = new Set<Body>();
  order.forEach((body, i) => {
    for (const { body: j } of (heads[i] ?? []).sort((a, b) => a.ready - b.ready)) {
      const later = order[j];
      if (later === undefined) continue;
      headed.add(later);
      tasks.push({ touches: firstLoads(later), emit: later.head });
    }
    tasks.push({
      touches: headed.has(body) && body.atOnce ? body.touches.filter(({ queue }) => queue !== 'load') : body.touches,
      emit: (iteration, between) => body.emit(iteration, between, headed.has(body), frees[i] ?? []),
    });
  });
  return tasks;
}

function firstLoads({ touches }: Body): Touch[] {
  return touches.filter(({ queue, late }) => queue === 'load' && late !== true);
}

/** Iterations of a group that one piece of code runs. */
export interface Pass {
  readonly samples: number;
  readonly repeats: boolean;
  loop(e: Emitter, body: (iteration: Iteration) => void): void;
}

/** Full iterations as a loop, a shorter last one behind it. */
export function passesOf(batch: number, { subBatch }: Group, firstSample: Affine): Pass[] {
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  const at = (offset: Affine, samples: number, remaining: Affine): Iteration => ({
    offset,
    sample: plus(firstSample, offset),
    samples,
    remaining,
  });
  const behind = (offset: Affine): Affine => (rest > 0 ? constant(rest) : plus(times(offset, -1), (full - 1) * subBatch));
  const passes: Pass[] = [];
  if (full > 0)
    passes.push({
      samples: subBatch,
      repeats: full > 1,
      loop: (e, body) => e.loop(full, subBatch, (offset) => body(at(offset, subBatch, behind(offset)))),
    });
  if (rest > 0)
    passes.push({ samples: rest, repeats: false, loop: (e, body) => e.scope(() => body(at(constant(full * subBatch), rest, ZERO))) });
  return passes;
}

/** Emits tasks in order, each beginning when what it depends on has completed; behind the last all units are idle. */
export function emitTasks(e: Emitter, pass: Pass, tasks: readonly Task[]): void {
  const order = orderTasks(
    tasks.map(({ touches }) => touches),
    pass.repeats,
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
