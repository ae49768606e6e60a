import { diag, fail } from '../../../ir/diagnostics.ts';
import { contentsOf, type LayerView, type Network } from '../../../passes/mbs/network.ts';
import { type Access, type Block, type Group, isHeld, type Resident, type Schedule, type Step } from '../../../passes/mbs/schedule.ts';
import type { Allocation } from '../program.ts';
import { placesOf } from './places.ts';

type Use = Allocation['layers'][number];

/** Every allocation of the global buffer that a schedule makes, with the layers that use it. */
export function allocationsOf(network: Network, schedule: Schedule): Allocation[] {
  const views = new Map(network.layers.map((view) => [view.layer.name, view]));
  const allocations = (group: Group, index: number): Allocation[] => [
    ...group.residents.map((resident) => residentAllocation(index, group, resident, views)),
    ...group.steps.flatMap((step) => step.blocks.flatMap((block) => blockAllocations(index, step, block, views.get(step.layer)))),
  ];
  return schedule.groups.flatMap((group, index) => placesOf(group).flatMap((place) => allocations(place, index)));
}

function residentAllocation(
  group: number,
  { steps }: Group,
  { tensor, address, bytes, from, to }: Resident,
  views: ReadonlyMap<string, LayerView>,
): Allocation {
  const uses = steps.slice(from, to + 1).flatMap((step, i): Use[] => {
    const { record, inputs = [] } = views.get(step.layer) ?? {};
    const isSum = record?.accumulates === true && inputs.length > 2;
    // A result that is also stored to DRAM is read by the DMA.
    const reads =
      step.inputs.some((access) => access.tensor === tensor && isOnChip(access)) ||
      step.outputs.some((access) => access.tensor === tensor && (access.store || isSum || isHeld(access)));
    // The layer that fills the place: it makes the tensor, or loads it.
    const fills =
      step.outputs.some((access) => access.tensor === tensor) ||
      step.inputs.some((access) => access.tensor === tensor && (access.mode === 'hold' || (i === 0 && access.mode === 'load')));
    if (!reads && !fills) return [];
    return [{ layer: step.layer, access: reads && fills ? 'both' : fills ? 'write' : 'read' }];
  });
  return { group, name: tensor, address, bytes, layers: uses };
}

function isOnChip(access: Access): boolean {
  return access.mode === 'resident' || access.mode === 'load' || isHeld(access);
}

function blockAllocations(group: number, { layer }: Step, block: Block, view: LayerView | undefined): Allocation[] {
  const name = contentsOf(view ?? fail(diag.internal({ layer }, 'is not in the graph')), block.name);
  const layers: Use[] = [{ layer, access: 'both' }];
  return Array.from({ length: block.halves }, (_, half) => ({
    group,
    name,
    address: block.address + half * block.bytes,
    bytes: block.bytes,
    layers,
  }));
}
