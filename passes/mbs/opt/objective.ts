import type { Resources } from '../schedule.ts';
import type { Amount } from './amount.ts';

/** What `opt` minimizes: DRAM bytes, modelled seconds, modelled joules, or their product. */
export const OBJECTIVES = ['traffic', 'time', 'energy', 'edp'] as const;
export type ObjectiveName = (typeof OBJECTIVES)[number];

/** A cost that adds up over the parts of a step. */
export type Objective = (amount: Amount) => number;

/** Share of the work of the other units that the busiest one does not hide: what executed groups of ResNet-50 leave, roughly. */
const NOT_HIDDEN = 0.4;

/**
 * Modelled cycles of layers that run as one group: units work at the same time, so the busiest one counts and a share of the others, and every
 * layer of every iteration fills the array and waits for the DRAM once.
 */
export function cyclesOf(amount: Amount, { costs, arrayRows, arrayColumns }: Resources): number {
  const busiest = busiestOf(amount, costs);
  const others = [amount.traffic / costs.bytesPerCycle, amount.matrix, amount.vector].reduce((sum, cycles) => sum + cycles, -busiest);
  return busiest + NOT_HIDDEN * others + amount.starts * (costs.latencyCycles + arrayRows + arrayColumns);
}

/** Cycles of the unit that has most to do. */
export function busiestOf({ traffic, matrix, vector }: Amount, { bytesPerCycle }: Resources['costs']): number {
  return Math.max(traffic / bytesPerCycle, matrix, vector);
}

/** Modelled joules: what the schedule decides of them (DRAM, recomputation, static power over the time). */
export function joulesOf(amount: Amount, resources: Resources): number {
  const { costs } = resources;
  return (
    amount.traffic * costs.joulesPerByte +
    amount.macs * costs.joulesPerMac +
    amount.passes * costs.joulesPerPass +
    cyclesOf(amount, resources) * costs.joulesPerCycle
  );
}

/** The objectives that are sums over parts. */
export function objectiveOf(name: Exclude<ObjectiveName, 'edp'>, resources: Resources): Objective {
  switch (name) {
    case 'traffic':
      return ({ traffic }) => traffic;
    case 'time':
      return (amount) => cyclesOf(amount, resources);
    case 'energy':
      return (amount) => joulesOf(amount, resources);
  }
}

/** The cost of a schedule, from what each of its groups uses. */
export function costOf(groups: readonly Amount[], name: ObjectiveName, resources: Resources): number {
  const sum = (of: Objective): number => groups.reduce((total, amount) => total + of(amount), 0);
  if (name !== 'edp') return sum(objectiveOf(name, resources));
  return sum(objectiveOf('energy', resources)) * sum(objectiveOf('time', resources));
}
