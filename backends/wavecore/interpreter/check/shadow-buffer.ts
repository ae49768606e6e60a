import { AGENT, AGENTS, type Agent, type HappensBefore } from './clocks.ts';

/** Bytes that share one entry while nothing tells them apart. */
const LINE = 16;
const COUNT = AGENTS.length;
const NOBODY = 255;
const [READ, WRITE, UNDEFINE] = [0, 1, 2] as const;
type Kind = typeof READ | typeof WRITE | typeof UNDEFINE;

/** What the shadow finds at the bytes of an access; `pc` is the other instruction of a race, or the one whose result is lost. */
export interface ShadowFinding {
  readonly problem: 'uninitialized' | 'race' | 'lost';
  readonly pc: number;
  /** The other access. */
  readonly write: boolean;
  readonly agent: number;
  readonly address: number;
}

/**
 * What is known of every byte of the global buffer: whether it holds a value, who wrote it last, and who read it since. Entries
 * are kept for lines of bytes, and for single bytes of a line once an access divides it.
 */
export class ShadowBuffer {
  private readonly order: HappensBefore;
  private readonly lines: number;
  /** First entry of the bytes of a divided line; −1: the line has one entry, its own number. */
  private readonly divided: Int32Array;
  private readonly freed: number[] = [];
  private used: number;
  private writer: Uint8Array;
  private writeTime: Uint32Array;
  private writePc: Int32Array;
  private defined: Uint8Array;
  private readTime: Uint32Array;
  private readPc: Int32Array;
  private readonly report: (finding: ShadowFinding) => void;

  constructor(bytes: number, order: HappensBefore, report: (finding: ShadowFinding) => void) {
    this.order = order;
    this.report = report;
    this.lines = Math.ceil(bytes / LINE);
    this.divided = new Int32Array(this.lines).fill(-1);
    this.used = this.lines;
    const entries = this.lines + LINE * 4096;
    this.writer = new Uint8Array(entries).fill(NOBODY);
    this.writeTime = new Uint32Array(entries);
    this.writePc = new Int32Array(entries);
    this.defined = new Uint8Array(entries);
    this.readTime = new Uint32Array(entries * COUNT);
    this.readPc = new Int32Array(entries * COUNT);
  }

  read(from: number, to: number, agent: Agent, time: number, pc: number): void {
    this.access(READ, from, to, agent, time, pc);
  }

  write(from: number, to: number, agent: Agent, time: number, pc: number): void {
    this.access(WRITE, from, to, agent, time, pc);
  }

  /** The bytes hold nothing from now on; who used them last is still known. */
  undefine(from: number, to: number): void {
    this.access(UNDEFINE, from, to, 0, 0, 0);
  }

  private access(kind: Kind, from: number, to: number, agent: Agent, time: number, pc: number): void {
    for (let at = from; at < to; ) {
      const line = Math.floor(at / LINE);
      const start = line * LINE;
      const end = Math.min(to, start + LINE);
      const whole = end - at === LINE;
      const divided = this.divided[line] ?? -1;
      if (divided < 0 && whole) this.use(kind, line, at, agent, time, pc);
      else {
        const bytes = divided < 0 ? this.divide(line) : divided;
        for (let i = at; i < end; i++) this.use(kind, bytes + i - start, i, agent, time, pc);
        // All bytes of the line have just been written by one instruction: they are alike again.
        if (whole && kind === WRITE) this.unite(line, bytes);
      }
      at = end;
    }
  }

  private use(kind: Kind, entry: number, address: number, agent: Agent, time: number, pc: number): void {
    if (kind === UNDEFINE) {
      this.defined[entry] = 0;
      return;
    }
    const writer = this.writer[entry] ?? NOBODY;
    if (writer !== agent && writer !== NOBODY && !this.order.ordered(writer, this.writeTime[entry] ?? 0))
      this.report({ problem: 'race', pc: this.writePc[entry] ?? -1, write: true, agent: writer, address });
    if (kind === READ) {
      if (this.defined[entry] === 0) this.report({ problem: 'uninitialized', pc: -1, write: false, agent: NOBODY, address });
      this.readTime[entry * COUNT + agent] = time;
      this.readPc[entry * COUNT + agent] = pc;
      return;
    }
    let used = writer === NOBODY || writer === AGENT.load || this.defined[entry] === 0;
    for (let other = 0, at = entry * COUNT; other < COUNT; other++, at++) {
      const read = this.readTime[at] ?? 0;
      if (read === 0) continue;
      used = true;
      if (other !== agent && !this.order.ordered(other, read))
        this.report({ problem: 'race', pc: this.readPc[at] ?? -1, write: false, agent: other, address });
      this.readTime[at] = 0;
    }
    if (!used) this.report({ problem: 'lost', pc: this.writePc[entry] ?? -1, write: true, agent: writer, address });
    this.writer[entry] = agent;
    this.writeTime[entry] = time;
    this.writePc[entry] = pc;
    this.defined[entry] = 1;
  }

  private divide(line: number): number {
    const first = this.freed.pop() ?? this.extend();
    this.divided[line] = first;
    const end = first + LINE;
    this.writer.fill(this.writer[line] ?? NOBODY, first, end);
    this.writeTime.fill(this.writeTime[line] ?? 0, first, end);
    this.writePc.fill(this.writePc[line] ?? 0, first, end);
    this.defined.fill(this.defined[line] ?? 0, first, end);
    for (let entry = first; entry < end; entry++) {
      this.readTime.copyWithin(entry * COUNT, line * COUNT, (line + 1) * COUNT);
      this.readPc.copyWithin(entry * COUNT, line * COUNT, (line + 1) * COUNT);
    }
    return first;
  }

  private unite(line: number, first: number): void {
    this.divided[line] = -1;
    this.freed.push(first);
    this.writer[line] = this.writer[first] ?? NOBODY;
    this.writeTime[line] = this.writeTime[first] ?? 0;
    this.writePc[line] = this.writePc[first] ?? 0;
    this.defined[line] = 1;
    this.readTime.fill(0, line * COUNT, (line + 1) * COUNT);
  }

  private extend(): number {
    const first = this.used;
    this.used += LINE;
    if (this.used > this.writer.length) this.grow(this.writer.length + this.lines);
    return first;
  }

  private grow(entries: number): void {
    const writer = new Uint8Array(entries).fill(NOBODY);
    writer.set(this.writer);
    this.writer = writer;
    this.writeTime = grown(this.writeTime, new Uint32Array(entries));
    this.writePc = grown(this.writePc, new Int32Array(entries));
    this.defined = grown(this.defined, new Uint8Array(entries));
    this.readTime = grown(this.readTime, new Uint32Array(entries * COUNT));
    this.readPc = grown(this.readPc, new Int32Array(entries * COUNT));
  }
}

function grown<A extends { set(from: ArrayLike<number>): void } & ArrayLike<number>>(from: A, to: A): A {
  to.set(from);
  return to;
}
