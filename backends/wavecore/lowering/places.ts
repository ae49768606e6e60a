import type { Group } from '../../../passes/mbs/schedule.ts';

/** A group as its iterations run it, by turns: where they alternate, every second one has its addresses further behind. */
export function placesOf(group: Group): Group[] {
  const { alternating } = group;
  if (alternating === undefined) return [group];
  const shifted = <T extends { readonly address: number }>(part: T): T => ({ ...part, address: part.address + alternating });
  const steps = group.steps.map((step) => ({ ...step, blocks: step.blocks.map(shifted) }));
  return [group, { ...group, steps, residents: group.residents.map(shifted) }];
}
