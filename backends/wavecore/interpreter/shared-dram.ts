import { dramBytesPerCycle, type Machine } from '../machine/machine.ts';
import { DramCalendar } from './dram-calendar.ts';

/** The DRAM as the cores of a program share it: the bandwidth of as many cores, and when it is busy. */
export class SharedDram {
  private readonly calendar = new DramCalendar();
  private readonly bytesPerCycle: number;
  /** By core: the cycle before which it starts no later transfer. */
  private readonly bounds: Float64Array;

  constructor(machine: Machine, cores: number) {
    this.bytesPerCycle = dramBytesPerCycle(machine) * cores;
    this.bounds = new Float64Array(cores);
  }

  /** Cycles in which the DRAM moves so many bytes. */
  cyclesOf(bytes: number): number {
    return Math.ceil(bytes / this.bytesPerCycle);
  }

  /** `core` starts no transfer before `time` from now on; infinite where it has ended, or waits for others, whose time is then its own. */
  advance(core: number, time: number): void {
    this.bounds[core] = time;
    this.calendar.prune(this.bounds.reduce((least, bound) => Math.min(least, bound), Number.POSITIVE_INFINITY));
  }

  /** See `DramCalendar`. */
  reserve(start: number, cycles: number, fragment?: (from: number, to: number) => void): number {
    return this.calendar.reserve(start, cycles, fragment);
  }
}
