import type { Network } from '../../passes/mbs/network.ts';
import type { Group } from '../../passes/mbs/schedule.ts';
import { resourcesOf } from './generate.ts';
import { constant } from './lowering/emitter.ts';
import { jobsOf } from './lowering/jobs.ts';
import { cyclesOfJobs } from './lowering/order.ts';
import { type Pass, passesOf } from './lowering/tasks.ts';
import type { Machine } from './machine/machine.ts';

/** Estimates the cycles that a group takes on a core of a machine: its tasks, simulated (lowering/simulate.ts). */
export function estimateOf(machine: Machine): (network: Network, group: Group) => number {
  const known = new WeakMap<Group, number>();
  return (network, group) => {
    const cycles = known.get(group) ?? cyclesOf(network, group, machine);
    known.set(group, cycles);
    return cycles;
  };
}

function cyclesOf(network: Network, group: Group, machine: Machine): number {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const resources = resourcesOf(machine, network.cores);
  const updates = group.steps.some(({ layer }) => views.get(layer)?.update !== undefined);
  const passes = passesOf(network.batch, group, constant(0)).flatMap((pass) => (updates ? withLastApart(pass, group) : [pass]));
  return passes.reduce((sum, pass) => sum + cyclesOfJobs(jobsOf(group, pass, views, resources), pass.times, machine), 0);
}

/** The last iterations of a group, which update its weights, apart from those before. */
function withLastApart(pass: Pass, { iterations }: Group): Pass[] {
  const { first, turns, times } = pass;
  if (times === 1 || first + turns * times < iterations) return [pass];
  return [
    { ...pass, times: times - 1 },
    { ...pass, first: first + turns * (times - 1), times: 1 },
  ];
}
