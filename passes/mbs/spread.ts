import { atEnds } from './ends.ts';
import type { Network } from './network.ts';
import { busiestOf } from './opt/objective.ts';
import { stepAmountsOf } from './opt/work.ts';
import { addressed } from './place.ts';
import { heldIn, intervalsOf, roomOf } from './placed.ts';
import type { Group, Resources } from './schedule.ts';
import { allocateApart } from './separate.ts';
import { roundOf } from './stages.ts';

/**
 * Gives a group of a network with its blocks apart as far as the buffer has room: a layer that takes the place of one shortly before it waits for that
 * one. `draw`: which of many ways, all about as good.
 */
export type Spread = (network: Network, group: Group, draw?: number) => Group;

/** Spreads groups, each worked out once: for those that are taken, or compared by time, because it takes many times as long as placing them. */
export function spreader(resources: Resources): Spread {
  const known = new WeakMap<Group, Map<number, Group>>();
  const drawn = (group: Group): Map<number, Group> => {
    const own = known.get(group) ?? new Map<number, Group>();
    known.set(group, own);
    return own;
  };
  return (network, group, draw = 0) => {
    const spread = drawn(group).get(draw) ?? spreadIn(network, group, resources, draw);
    drawn(group).set(draw, spread);
    // It is spread already, whichever draw it is of.
    drawn(spread).set(0, spread);
    return spread;
  };
}

function spreadIn(network: Network, group: Group, resources: Resources, draw: number): Group {
  const kept = { intervals: intervalsOf(group), held: heldIn(group) };
  const capacity = roomOf(group, resources.globalBytes);
  const ends = draw === 0 ? atEnds(network, group, capacity) : undefined;
  if (ends !== undefined) return ends;
  const cycles = cyclesOf(network, group, resources);
  const { bytesPerCycle } = resources.costs;
  const apart = addressed(group, kept, (blocks, period) => allocateApart(blocks, capacity, { period, draw, cycles, bytesPerCycle }));
  return 'blocked' in apart ? group : apart;
}

/** By slot of a round: the cycles of the unit that has most to do in its step on a sub-batch. */
function cyclesOf(network: Network, group: Group, resources: Resources): number[] {
  const { slots } = roundOf(group);
  const cycles = new Array<number>(slots.length).fill(0);
  stepAmountsOf(network, group, resources).forEach((amount, i) => {
    cycles[slots[i] ?? i] = busiestOf(amount, resources.costs) / group.iterations;
  });
  return cycles;
}
