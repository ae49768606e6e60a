import { diag } from '../../../ir/diagnostics.ts';
import { MAX_TOKEN_COUNT, TOKENS } from '../isa/table.ts';
import type { Position } from './position.ts';

/** The times at which one token was produced and not yet taken, first in, first out. */
class Fifo {
  private times = new Float64Array(8);
  private head = 0;
  count = 0;

  push(time: number): void {
    if (this.count === this.times.length) this.grow();
    this.times[(this.head + this.count) % this.times.length] = time;
    this.count++;
  }

  shift(): number {
    const time = this.times[this.head] ?? 0;
    this.head = (this.head + 1) % this.times.length;
    this.count--;
    return time;
  }

  private grow(): void {
    const larger = new Float64Array(this.times.length * 2);
    const { count } = this;
    for (let i = 0; i < count; i++) larger[i] = this.times[(this.head + i) % this.times.length] ?? 0;
    this.times = larger;
    this.head = 0;
  }
}

/**
 * The tokens through which the units meet. Program order being a legal order, a token is signalled earlier in program
 * order than it is waited for, so the k-th wait takes the time of the k-th signal.
 */
export class Tokens {
  private readonly fifos = Array.from({ length: TOKENS }, () => new Fifo());
  private readonly position: Position;

  constructor(position: Position) {
    this.position = position;
  }

  /** Cycle at which the token became available. */
  take(token: number): number {
    const fifo = this.fifos[token];
    if (fifo === undefined || fifo.count === 0) return this.position.fault(diag.deadlock, token);
    return fifo.shift();
  }

  post(token: number, time: number): void {
    const fifo = this.fifos[token];
    if (fifo?.count === MAX_TOKEN_COUNT)
      this.position.fault(diag.programFault, `signals token ${token}, of which ${MAX_TOKEN_COUNT} signals wait already`);
    fifo?.push(time);
  }

  /** Tokens that are left, with their number. */
  left(): { token: number; count: number }[] {
    return this.fifos.flatMap(({ count }, token) => (count > 0 ? [{ token, count }] : []));
  }
}
