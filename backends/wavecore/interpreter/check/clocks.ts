import { TOKENS } from '../../isa/table.ts';

/** What works at the same time: the DMA units, the four pipelines of the matrix unit, the vector unit. */
export const AGENTS = ['DMA load', 'DMA store', 'A-buffer fill', 'B-buffer load', 'array', 'accumulator drain', 'vector unit'] as const;
export const AGENT = { load: 0, store: 1, fill: 2, stationary: 3, array: 4, drain: 5, vector: 6 } as const;
export type Agent = (typeof AGENT)[keyof typeof AGENT];
const COUNT = AGENTS.length;
const MATRIX_AGENTS: readonly Agent[] = [AGENT.fill, AGENT.stationary, AGENT.array, AGENT.drain];

/** For every agent, how many of its operations are known to have completed. */
export type Clock = Uint32Array;
const newClock = (): Clock => new Uint32Array(COUNT);

function join(into: Clock, other: Clock): void {
  for (let i = 0; i < COUNT; i++) {
    const time = other[i] ?? 0;
    if (time > (into[i] ?? 0)) into[i] = time;
  }
}

/** Clocks of the signals of one token that nothing has waited for, first in, first out. */
class Signals {
  private readonly clocks: Clock[] = [];
  private head = 0;

  push(clock: Clock): void {
    this.clocks.push(clock);
  }

  shift(): Clock | undefined {
    const clock = this.clocks[this.head++];
    if (this.head >= this.clocks.length) {
      this.clocks.length = 0;
      this.head = 0;
    }
    return clock;
  }
}

/**
 * The order that a program guarantees on one core whatever the timing, as vector clocks: an agent works in order; the k-th wait for a token follows
 * its k-th signal; what follows an `m.sync` in the matrix unit follows the tokens it waits for; a fence orders everything; and
 * the halves of the local buffers interlock: fill and load before the wave, wave before drain, wave before the next fill
 * or load of the half, drain before the next wave on the accumulator half.
 */
export class HappensBefore {
  /** What has completed before the operation being looked at starts; its own time included. */
  readonly now: Clock = newClock();
  /** Barriers that the core has come to. */
  meetings = 0;
  private readonly times = newClock();
  private readonly agents = AGENTS.map(newClock);
  private readonly tokens = Array.from({ length: TOKENS }, () => new Signals());
  private readonly gate = newClock();
  private readonly halves = {
    filled: [newClock(), newClock()],
    loaded: [newClock(), newClock()],
    aRead: [newClock(), newClock()],
    bRead: [newClock(), newClock()],
    summed: [newClock(), newClock()],
    drained: [newClock(), newClock()],
  } as const;

  /** An operation of an agent starts, having waited for `waits`. */
  begin(agent: Agent, waits: readonly number[]): void {
    this.now.set(this.agents[agent] ?? this.now);
    if (MATRIX_AGENTS.includes(agent)) join(this.now, this.gate);
    this.take(this.now, waits);
  }

  /** The operation cannot start before what `clock` knows has completed. */
  after(event: keyof HappensBefore['halves'], half: number): void {
    join(this.now, this.halves[event][half & 1] ?? this.gate);
  }

  /** The operation completes; of the events given, those on the buffer halves. */
  end(
    agent: Agent,
    signals: readonly number[],
    ...events: readonly (readonly [event: keyof HappensBefore['halves'], half: number])[]
  ): void {
    this.agents[agent]?.set(this.now);
    for (const [event, half] of events) this.halves[event][half & 1]?.set(this.now);
    this.post(this.now, signals);
  }

  /** Counts the operation, so that later ones can name it. */
  tick(agent: Agent): number {
    const time = (this.times[agent] ?? 0) + 1;
    this.times[agent] = time;
    this.now[agent] = time;
    return time;
  }

  /** m.sync: later matrix instructions follow the tokens; its signals follow all earlier matrix instructions. */
  syncMatrix(waits: readonly number[], signals: readonly number[]): void {
    this.take(this.gate, waits);
    if (signals.length === 0) return;
    const done = newClock();
    done.set(this.gate);
    for (const agent of MATRIX_AGENTS) join(done, this.agents[agent] ?? done);
    this.post(done, signals);
  }

  /** m.cfg, m.cfg4: take and produce tokens, and delay nothing. */
  pass(waits: readonly number[], signals: readonly number[]): void {
    const clock = newClock();
    clock.set(this.gate);
    this.take(clock, waits);
    this.post(clock, signals);
  }

  /** The core comes to a barrier: what the others do before theirs is ordered before what follows. */
  meet(): void {
    this.fence();
    this.meetings++;
  }

  fence(): void {
    for (const clock of this.agents) clock.set(this.times);
    this.gate.set(this.times);
  }

  /** Whether the operation `time` of `agent` has completed before the one being looked at. */
  ordered(agent: number, time: number): boolean {
    return (this.now[agent] ?? 0) >= time;
  }

  private take(into: Clock, waits: readonly number[]): void {
    for (const token of waits) {
      const clock = this.tokens[token]?.shift();
      if (clock !== undefined) join(into, clock);
    }
  }

  private post(clock: Clock, signals: readonly number[]): void {
    if (signals.length === 0) return;
    const copy = clock.slice();
    for (const token of signals) this.tokens[token]?.push(copy);
  }
}
