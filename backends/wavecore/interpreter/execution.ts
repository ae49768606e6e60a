import { diag } from '../../../ir/diagnostics.ts';
import type { Core } from './core.ts';
import { COUNT } from './counters.ts';

/** How many instructions all cores have executed together, and when to say so. */
export class Progress {
  executed = 0;
  /** Instructions after which the next report is due. */
  next: number;
  private readonly limit: number;
  private readonly onProgress: ((instructions: number, layer: string) => void) | undefined;

  constructor(limit: number, onProgress: ((instructions: number, layer: string) => void) | undefined) {
    this.limit = limit;
    this.onProgress = onProgress;
    this.next = Math.min(PROGRESS_STEP, limit);
  }

  /** A fault where there are more instructions than there may be. */
  report({ position, image, counters }: Core): void {
    if (this.executed >= this.limit) position.fault(diag.endless, `${this.limit} instructions`);
    this.onProgress?.(this.executed, image.rowInfo[counters.row]?.layer ?? '');
    this.next = Math.min(this.next + PROGRESS_STEP, this.limit);
  }
}

const PROGRESS_STEP = 2 ** 20;

/** The dynamic instructions of one core, one after the other. */
export class Execution {
  readonly core: Core;
  private readonly progress: Progress;
  private readonly look: ((pc: number) => void) | undefined;
  private pc = 0;
  /** Time since the last change of layer belongs to the layer before. */
  private mark = 0;
  /** Instructions since the last change of layer. */
  private executed = 0;

  /** @param look told of every instruction once it has been executed */
  constructor(core: Core, progress: Progress, look: ((pc: number) => void) | undefined) {
    this.core = core;
    this.progress = progress;
    this.look = look;
  }

  get ended(): boolean {
    return this.pc < 0;
  }

  /** Executes until the sequencer reaches cycle `limit`, a barrier, or the end. */
  advance(limit: number): void {
    const { core, progress, look } = this;
    const { image, position, counters, timing } = core;
    const { handlers, rows } = image;
    let { pc } = this;
    let executed = 0;
    let left = progress.next - progress.executed;
    while (pc >= 0 && !core.waiting && timing.now < limit) {
      position.pc = pc;
      if (left === 0) {
        this.count(executed);
        executed = 0;
        progress.report(core);
        left = progress.next - progress.executed;
      }
      const row = rows[pc] ?? -1;
      if (row >= 0 && row !== counters.row) {
        // What precedes the first layer belongs to it.
        this.count(executed);
        executed = 0;
        if (counters.row < image.rowInfo.length) this.settle();
        counters.row = row;
        reportLayer(core);
      }
      executed++;
      left--;
      const next = handlers[pc]?.(core, pc) ?? -1;
      look?.(pc);
      pc = next;
    }
    this.count(executed);
    this.pc = pc;
    if (pc < 0) this.settle();
  }

  private count(instructions: number): void {
    this.executed += instructions;
    this.progress.executed += instructions;
  }

  private settle(): void {
    const now = this.core.timing.total();
    const { counters } = this.core;
    counters.add(COUNT.cycles, now - this.mark);
    counters.add(COUNT.instructions, this.executed);
    this.mark = now;
    this.executed = 0;
  }
}

function reportLayer({ observer, image, counters, timing, index }: Core): void {
  const layer = image.rowInfo[counters.row];
  if (layer !== undefined) observer?.layer?.(layer, timing.total(), index);
}

/**
 * Executes all cores, always the one whose sequencer is furthest behind, of several the first; a core at a barrier goes on when all
 * others are at theirs. So the order in which they use the DRAM, and every count, is determined.
 */
export function executeAll(executions: readonly Execution[]): void {
  const running = new Set(executions);
  while (running.size > 0) {
    const ready = [...running].filter(({ core }) => !core.waiting).sort(bySequencer);
    const [first, second] = ready;
    if (first === undefined) meet(executions);
    else {
      first.advance(
        second === undefined ? Number.POSITIVE_INFINITY : second.core.timing.now + (first.core.index < second.core.index ? 1 : 0),
      );
      if (first.ended || first.core.waiting) first.core.dram.advance(first.core.index, Number.POSITIVE_INFINITY);
      if (first.ended) running.delete(first);
    }
  }
}

function bySequencer({ core: a }: Execution, { core: b }: Execution): number {
  return a.timing.now - b.timing.now || a.index - b.index;
}

/** All cores that have not ended are at a barrier: they go on together. */
function meet(executions: readonly Execution[]): void {
  const ended = executions.find((execution) => execution.ended);
  const waiting = executions.filter((execution) => !execution.ended).map(({ core }) => core);
  if (ended !== undefined) waiting[0]?.position.fault(diag.lonelyBarrier, ended.core.index);
  const latest = Math.max(...waiting.map(({ timing }) => timing.now));
  for (const core of waiting) {
    core.timing.goOn(latest);
    core.dram.advance(core.index, latest);
    core.waiting = false;
  }
}
