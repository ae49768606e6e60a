import type { Network } from '../../passes/mbs/network.ts';
import type { Estimate } from '../../passes/mbs/opt/timer.ts';
import type { Group } from '../../passes/mbs/schedule.ts';
import { resourcesOf } from './generate.ts';
import { constant } from './lowering/emitter.ts';
import { jobsOf } from './lowering/jobs.ts';
import { orderOf } from './lowering/order.ts';
import { type Pass, passesOf } from './lowering/tasks.ts';
import type { Machine } from './machine/machine.ts';

/** Estimates the cycles that a group takes on a core of a machine: its tasks, simulated (lowering/simulate.ts). */
export function estimateOf(machine: Machine): Estimate {
  const known = new WeakMap<Group, Map<number, number>>();
  return (network, group, effort = 0) => {
    const byEffort = known.get(group) ?? new Map<number, number>();
    known.set(group, byEffort);
    const cycles = byEffort.get(effort) ?? cyclesOf(network, group, machine, effort);
    byEffort.set(effort, cycles);
    return cycles;
  };
}

function cyclesOf(network: Network, group: Group, machine: Machine, effort: number): number {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const resources = resourcesOf(machine, network.cores);
  const updates = group.steps.some(({ layer }) => views.get(layer)?.update !== undefined);
  const passes = passesOf(network.batch, group, constant(0)).flatMap((pass) => (updates ? withLastApart(pass, group) : [pass]));
  return passes.reduce((sum, pass) => sum + orderOf(jobsOf(group, pass, views, resources), pass.times, machine, effort).cycles, 0);
}

/** The last iterations of a group, which update its weights, apart from those before. */
function withLastApart(pass: Pass, { iterations }: Group): Pass[] {
  const { numbers, stride, times } = pass;
  const last = numbers.map((number) => number + stride * (times - 1));
  if (times === 1 || !last.includes(iterations - 1)) return [pass];
  return [
    { ...pass, times: times - 1 },
    { ...pass, numbers: last, times: 1 },
  ];
}
