import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import type { ScheduleName } from '../../passes/mbs/schedule.ts';
import type { NormChoice } from '../../passes/normalize.ts';

/** What a run is for: the comparison of schedules, a sweep, or the samples of the follow-up comparison. */
export type Purpose = 'schedules' | 'buffer' | 'memory' | 'follow-up';

/** One program to compile and to execute. Plain data, so that it can be handed to another process. */
export interface Job {
  readonly purpose: Purpose;
  readonly network: string;
  /** Samples a core. */
  readonly batch: number;
  readonly schedule: ScheduleName;
  /** Absent: what the schedule has by default. */
  readonly norm?: NormChoice;
  readonly machine: Machine;
}

/** A job in a few words. */
export function jobText({ network, batch, schedule, norm, machine }: Job): string {
  return `${network}, ${schedule}${norm === undefined ? '' : ', the other normalization'}, ${batch} samples, ${machine.name}`;
}
