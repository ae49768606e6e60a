import type { Group } from '../../../passes/mbs/schedule.ts';
import type { DebugRange } from '../program.ts';
import type { Iteration } from './context.ts';
import { type Affine, type Emitter, plus, times, ZERO } from './emitter.ts';
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
  /** It works for the next round, and for the first one before that. */
  readonly ahead: boolean;
  /** Emits it for an iteration of its group; what `between` is given stands between the tokens of the task. */
  emit(iteration: Iteration, between: Between): void;
}

/** A part of a step. */
export interface Body {
  readonly turn: number;
  /** Index in its group. */
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
export function tasksOf(group: Group, pass: Pick<Pass, 'numbers' | 'lanes'>, bodies: readonly Body[], order: readonly Issue[]): Task[] {
  const issued = order.flatMap(({ task, head }) => (head ? [] : (bodies[task] ?? [])));
  const frees = new Map(
    iterationsOf(group, pass, issued).flatMap(({ place, own }) => freesOf(place, own).map((free, i) => [own[i], free] as const)),
  );
  const headed = new Set(order.flatMap(({ task, head }) => (head ? (bodies[task] ?? []) : [])));
  return order.flatMap(({ task, head, ahead = false }): Task[] => {
    const body = bodies[task];
    if (body === undefined) return [];
    if (head) return [{ turn: body.turn, touches: firstLoads(body), ahead, emit: body.head }];
    const isHeaded = headed.has(body);
    return [
      {
        turn: body.turn,
        ahead,
        touches: isHeaded && body.atOnce ? body.touches.filter(({ queue, late }) => queue !== 'load' || late === true) : body.touches,
        emit: (iteration, between) => body.emit(iteration, between, isHeaded, frees.get(body) ?? []),
      },
    ];
  });
}

/** Which stage a turn runs, and in which of the rounds that are issued together. */
export interface Lane {
  readonly round: number;
  readonly stage: number;
}

/** The tasks of each iteration as they use its places one after the other. Stages of one round stand for those of one iteration. */
function iterationsOf(
  group: Group,
  { numbers, lanes }: Pick<Pass, 'numbers' | 'lanes'>,
  issued: readonly Body[],
): { readonly place: Group; readonly own: readonly Body[] }[] {
  if (lanes === undefined) return placesOf(group).map((place, turn) => ({ place, own: issued.filter((body) => body.turn === turn) }));
  const isOneRound = lanes.every(({ round }) => round === 0);
  const iterationOf = ({ turn }: Body): number => (isOneRound ? 0 : (numbers[turn] ?? 0));
  const stageOf = ({ turn }: Body): number => lanes[turn]?.stage ?? 0;
  const ascending = [...issued].sort((a, b) => stageOf(a) - stageOf(b));
  return [...new Set(ascending.map(iterationOf))].map((number) => ({
    place: group,
    own: ascending.filter((body) => iterationOf(body) === number),
  }));
}

/** Rounds of a group that one piece of code runs. */
export interface Pass {
  readonly samples: number;
  /** By turn: number of the iteration that the first round runs: of those that are issued together, or of each stage. */
  readonly numbers: readonly number[];
  /** Of a group with stages, by turn. */
  readonly lanes?: readonly Lane[];
  /** Rounds, and by how many iterations each is behind the one before. */
  readonly times: number;
  readonly stride: number;
  /** @param body is given the iterations of a round, those of the round behind it, and what is 0 in the last one */
  loop(e: Emitter, body: (iterations: Iterations, next: Iterations, more: Affine) => void): void;
  /** The iterations of the first round. */
  readonly first: Iterations;
}

/** By turn. */
type Iterations = readonly Iteration[];

/**
 * The iteration that is not full, which comes first because the last one may have updates behind it; full ones as a loop, two by two where they
 * alternate; and one of them that is left. Where iterations overlap, rounds with more and more stages lead to the loop, and from it.
 */
export function passesOf(batch: number, { subBatch, alternating, stages }: Group, firstSample: Affine): Pass[] {
  const full = Math.floor(batch / subBatch);
  const rest = batch % subBatch;
  const turns = alternating !== undefined && full > 1 ? 2 : 1;
  const at = (offset: Affine, samples: number): Iteration => ({
    offset,
    sample: plus(firstSample, offset),
    samples,
    remaining: plus(times(offset, -1), batch - samples),
  });
  /** Full iterations, those of the first round by their numbers. */
  const rounds: Rounds = (numbers, count, stride, lanes) => {
    const iterations = (offset: Affine): Iterations => numbers.map((number) => at(plus(offset, offsetOf(number)), subBatch));
    const step = stride * subBatch;
    return {
      samples: subBatch,
      numbers,
      ...(lanes === undefined ? {} : { lanes }),
      times: count,
      stride,
      loop: (e, body) =>
        e.longLoop(count, step, (offset) =>
          body(iterations(offset), iterations(plus(offset, step)), plus(times(offset, -1), (count - 1) * step)),
        ),
      first: iterations(ZERO),
    };
  };
  const first = Math.min(1, rest);
  const offsetOf = (number: number): number => (number === 0 ? 0 : rest + (number - first) * subBatch);
  if (stages !== undefined) return staged(full, stages.length + 1, rounds);
  const passes: Pass[] = [];
  if (rest > 0) {
    const only = [at(ZERO, rest)];
    passes.push({ samples: rest, numbers: [0], times: 1, stride: 1, loop: (e, body) => e.scope(() => body(only, [], ZERO)), first: only });
  }
  const count = Math.floor(full / turns);
  if (full > 0)
    passes.push(
      rounds(
        Array.from({ length: turns }, (_, turn) => first + turn),
        count,
        turns,
      ),
    );
  if (count * turns < full) passes.push(rounds([first + count * turns], 1, 1));
  return passes;
}

type Rounds = (numbers: Pass['numbers'], count: number, stride: number, lanes?: Pass['lanes']) => Pass;

/** Each stage begins a round after the one before it, and ends a round after it; the rounds in which stages are left out are issued together. */
function staged(iterations: number, stages: number, rounds: Rounds): Pass[] {
  const pass = (first: number, together: number, times: number): Pass => {
    const own = Array.from({ length: together * stages }, (_, i): Lane => ({ round: Math.floor(i / stages), stage: i % stages }))
      .map((lane) => ({ lane, number: first + lane.round - lane.stage }))
      .filter(({ number }) => number >= 0 && number < iterations);
    return rounds(
      own.map(({ number }) => number),
      times,
      1,
      own.map(({ lane }) => lane),
    );
  };
  return [pass(0, stages - 1, 1), pass(stages - 1, 1, iterations - stages + 1), pass(iterations, stages - 1, 1)];
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
  const early = tasks.filter(({ ahead }) => ahead);
  for (const { turn, emit } of early) {
    const iteration = pass.first[turn];
    if (iteration !== undefined) emit(iteration, (work) => e.scope(work));
  }
  // What the first round knows of them is what a round before it would have waited for.
  if (early.length > 0) e.op('fence', {});
  by(order.carried, 'from', 'signal');
  pass.loop(e, (iterations, next, more) => {
    tasks.forEach((task, i) => {
      const { waits = [], signals = [] } = order.tasks[i] ?? {};
      const iteration = (task.ahead ? next : iterations)[task.turn];
      if (iteration === undefined) return;
      task.emit(iteration, (work) => {
        by(waits, 'to', 'wait');
        if (task.ahead) e.when(more, 'nonzero', work);
        else e.scope(work);
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
