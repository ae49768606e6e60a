import type { Network } from '../network.ts';
import type { Group, Schedule } from '../schedule.ts';
import type { Spread } from '../spread.ts';

/** How many cycles a group is estimated to take as a program; `effort`: how long to search for an order of issue for that, as in a schedule; default 0. */
export type Estimate = (network: Network, group: Group, effort?: number) => number;

/** How many cycles a schedule takes as a program. */
export type Measure = (scheduled: { readonly network: Network; readonly schedule: Schedule }) => number;

/** Effort of estimates that decide between the best. */
const CLOSELY = 1;
/** How long the backend searches for the order of issue where time is all that counts. */
export const EFFORT_FOR_TIME = 12;
/** The same where groups are measured only to choose between them. */
const EXACTLY = 4;

/** Tells how many cycles groups take on a machine, spread in the buffer as they will be. */
export class Timer {
  readonly spread: Spread;
  private readonly estimate: Estimate;
  private readonly measure: Measure | undefined;
  /** By the text of groups: schedules that are compared have most of them in common. */
  private readonly measured = new Map<string, number>();

  /** @param measure absent: close estimates stand for what would be measured */
  constructor(estimate: Estimate, spread: Spread, measure: Measure | undefined) {
    this.estimate = estimate;
    this.spread = spread;
    this.measure = measure;
  }

  get measures(): boolean {
    return this.measure !== undefined;
  }

  /** The same without what is measured. */
  estimating(): Timer {
    return new Timer(this.estimate, this.spread, undefined);
  }

  roughly(network: Network, group: Group): number {
    return this.estimate(network, this.spread(network, group));
  }

  closely(network: Network, group: Group): number {
    return this.estimate(network, this.spread(network, group), CLOSELY);
  }

  /** Measured, to choose between groups: the order of issue is searched for less than it is in the end. */
  exactly(network: Network, group: Group): number {
    return this.measuring(network, group, EXACTLY);
  }

  /** As it will be executed in the end. */
  finally(network: Network, group: Group): number {
    return this.measuring(network, group, EFFORT_FOR_TIME);
  }

  private measuring(network: Network, group: Group, effort: number): number {
    const { measure, measured } = this;
    if (measure === undefined) return this.closely(network, group);
    const spread = this.spread(network, group);
    const schedule: Schedule = { name: 'opt', doubleBufferWeights: true, effort, groups: [spread] };
    const key = `${effort} ${JSON.stringify(spread)}`;
    const cycles = measured.get(key) ?? measure({ network, schedule });
    measured.set(key, cycles);
    return cycles;
  }
}
