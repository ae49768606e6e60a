import type { MachineSection } from './file.ts';

/** The DRAM that the cores share: it notes every single busy cycle. */
export class SecondDram {
  private readonly busy = new Set<number>();
  private readonly bandwidth: number;

  constructor({ dram, coresPerChip, clockHz }: MachineSection, cores: number) {
    this.bandwidth = (dram.bytesPerSecond / coresPerChip / clockHz) * cores;
  }

  /** The cycle behind the last one of a transfer. */
  take(start: number, bytes: number): number {
    let cycle = start;
    for (let left = Math.ceil(bytes / this.bandwidth); left > 0; cycle++) {
      if (this.busy.has(cycle)) continue;
      this.busy.add(cycle);
      left--;
    }
    return cycle;
  }
}

/** The chapter on timing, for one core. */
export class SecondTiming {
  now = 0;
  done = 0;
  private gate = 0;
  private matrixDone = 0;
  private readonly machine: MachineSection;
  private readonly starts = new Map<string, number[]>();
  /** When a pipeline, a half or the results of a half are free or there. */
  private readonly at = new Map<string, number>();
  private readonly dram: SecondDram;

  constructor(machine: MachineSection, dram: SecondDram) {
    this.machine = machine;
    this.dram = dram;
  }

  sequencer(): void {
    this.now++;
  }

  fence(): void {
    this.now = Math.max(this.now + 1, this.done);
  }

  total(): number {
    return Math.max(this.now, this.done);
  }

  /** The cycle of issue to a unit. */
  issue(unit: string): number {
    const starts = this.starts.get(unit) ?? [];
    const at = Math.max(this.now, starts.at(-this.machine.queueDepth) ?? 0);
    this.now = at + 1;
    return at;
  }

  transfer(unit: string, ready: number, bytes: number): number {
    const start = Math.max(ready, this.time(unit));
    const cycle = this.dram.take(start, bytes);
    this.at.set(unit, cycle);
    this.at.set(`${unit} completed`, cycle + this.machine.dram.latencyCycles);
    return this.ended(unit, start, cycle + this.machine.dram.latencyCycles);
  }

  syncTransfers(unit: string, ready: number): number {
    const start = Math.max(ready, this.time(unit));
    this.at.set(unit, start);
    return this.ended(unit, start, Math.max(start, this.time(`${unit} completed`)));
  }

  vector(ready: number, cycles: number): number {
    const start = Math.max(ready, this.time('vector'));
    this.at.set('vector', start + cycles);
    return this.ended('Vector unit', start, start + cycles);
  }

  configureMatrix(ready: number): number {
    const start = Math.max(ready, this.gate);
    this.started('Matrix unit', start);
    return start;
  }

  syncMatrix(ready: number): number {
    this.gate = Math.max(this.gate, ready);
    this.started('Matrix unit', this.gate);
    return Math.max(this.gate, this.matrixDone);
  }

  load(ready: number, pipeline: 'fill' | 'stationary', half: number, depth: number, elements: number): number {
    const { fillBytesPerCycle, stationaryBytesPerCycle } = this.machine.ports;
    const start = Math.max(ready, this.gate, this.time(pipeline), this.time(`${pipeline} read ${half}`));
    const cycles =
      pipeline === 'fill'
        ? Math.ceil((2 * elements) / fillBytesPerCycle)
        : Math.max(depth, Math.ceil((2 * elements) / stationaryBytesPerCycle));
    this.at.set(pipeline, start + cycles);
    this.at.set(`${pipeline} loaded ${half}`, start + cycles);
    return this.matrixEnded(start, start + cycles);
  }

  wave(ready: number, [a, b, c]: readonly [number, number, number], m: number, k: number, n: number): number {
    const loaded = Math.max(this.time(`fill loaded ${a}`), this.time(`stationary loaded ${b}`));
    const start = Math.max(ready, this.gate, this.time('array'), loaded, this.time(`drained ${c}`) - k);
    this.at.set('array', start + m);
    this.at.set(`fill read ${a}`, start + m);
    this.at.set(`stationary read ${b}`, start + m);
    this.at.set(`first row ${c}`, start + k + n - 1);
    this.at.set(`last row ${c}`, start + m + k + n - 2);
    return this.matrixEnded(start, start + m + k + n - 2);
  }

  drain(ready: number, c: number, bytes: number): number {
    const start = Math.max(ready, this.gate, this.time('drain'), this.time(`first row ${c}`));
    const end = Math.max(start + Math.ceil(bytes / this.machine.ports.drainBytesPerCycle), this.time(`last row ${c}`) + 1);
    this.at.set('drain', end);
    this.at.set(`drained ${c}`, end);
    return this.matrixEnded(start, end);
  }

  private time(name: string): number {
    return this.at.get(name) ?? 0;
  }

  private started(unit: string, start: number): void {
    const starts = this.starts.get(unit) ?? [];
    starts.push(start);
    this.starts.set(unit, starts);
  }

  private matrixEnded(start: number, end: number): number {
    this.matrixDone = Math.max(this.matrixDone, end);
    return this.ended('Matrix unit', start, end);
  }

  private ended(unit: string, start: number, end: number): number {
    this.started(unit, start);
    this.done = Math.max(this.done, end);
    return end;
  }
}
