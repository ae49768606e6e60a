import type { Held, Interval } from './residency.ts';
import { type Group, heldTensors } from './schedule.ts';

/** When tensors are on chip in a group with addresses, and whose place they take: one that begins where another ends has its address only by taking it over. */
export function intervalsOf(group: Group): Interval[] {
  const { subBatch } = group;
  const held = heldTensors(group);
  const residents = group.residents.filter(({ tensor }) => !held.has(tensor));
  return residents.map(({ tensor, address, bytes, from, to }) => {
    const donor = residents.find((r) => r.tensor !== tensor && r.address === address && r.to === from && r.from < from);
    return { tensor, bytes: bytes / subBatch, from, to, ...(donor === undefined ? {} : { inPlaceOf: donor.tensor }) };
  });
}

/** What it holds over its iterations. */
export function heldIn(group: Group): Held[] {
  const held = heldTensors(group);
  return group.residents.filter(({ tensor }) => held.has(tensor)).map(({ tensor, bytes }) => ({ tensor, bytes }));
}

/** What a group has of the buffer: of two iterations under way, each has its part. */
export function roomOf({ alternating }: Pick<Group, 'alternating'>, globalBytes: number): number {
  return alternating === undefined ? globalBytes : Math.min(alternating, globalBytes - alternating);
}
