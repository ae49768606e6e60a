import { diag, fail } from '../../ir/diagnostics.ts';
import { allocate, type Lifetime } from './allocate.ts';
import type { Draft } from './draft.ts';
import { footprintOf } from './footprint.ts';
import type { LayerView } from './network.ts';
import type { Planner } from './planner.ts';
import type { GroupAccesses, Interval } from './residency.ts';
import { align, type Block, type Group, type Resident, type Step } from './schedule.ts';
import { roundOf, slotsOf } from './stages.ts';
import type { Fit } from './tiling.ts';

/** The group of a draft whose layers run by `fits`, every resident tensor and block with an address; or the block that has no place. */
export function placeFits(
  planner: Pick<Planner, 'network' | 'resources'>,
  draft: Pick<Draft, 'from' | 'subBatch' | 'accesses'>,
  views: readonly LayerView[],
  fits: readonly Fit[],
  stages?: Group['stages'],
): Group | { readonly blocked: Lifetime } {
  const { subBatch, accesses, from } = draft;
  const phases = new Set(views.map((view) => view.phase));
  const phase = phases.size > 1 ? 'turn' : (views[0]?.phase ?? 'forward');
  const steps = fits.map(
    (fit, i): Step => ({
      layer: views[i]?.layer.name ?? fail(diag.internal({}, `no layer ${from + i}`)),
      inputs: accesses.inputs[i] ?? [],
      outputs: accesses.outputs[i] ?? [],
      chunk: fit.chunk,
      ...(fit.stripes === undefined ? {} : { stripes: fit.stripes }),
      ...(fit.panel === undefined ? {} : { panel: fit.panel }),
      blocks: fit.blocks,
      footprint: 0,
    }),
  );
  const iterations = Math.ceil(planner.network.batch / subBatch);
  return addressed({ phase, subBatch, iterations, ...(stages === undefined ? {} : { stages }), steps }, accesses, (blocks, period) =>
    allocate(blocks, planner.resources.globalBytes, { period }),
  );
}

/** A group, what it keeps on chip, and its blocks, with the addresses that `find` finds for them. */
export function addressed(
  group: Omit<Group, 'residents'>,
  { intervals, held }: Pick<GroupAccesses, 'intervals' | 'held'>,
  find: (blocks: readonly Lifetime[], period: number | undefined) => Map<string, number> | Lifetime,
): Group | { readonly blocked: Lifetime } {
  const { subBatch } = group;
  const round = roundOf(group);
  const lifetimes: Lifetime[] = [];
  const chains = chainsOf(intervals);
  for (const [key, chain] of chains) lifetimes.push({ key, bytes: align(chain.bytes * subBatch), ...slotsOf(round, chain.from, chain.to) });
  const last = group.steps.length - 1;
  for (const { tensor, bytes } of held) lifetimes.push({ key: heldKey(tensor), bytes: align(bytes), from: 0, to: last });
  group.steps.forEach(({ blocks }, i) => {
    for (const b of blocks) lifetimes.push({ key: blockKey(i, b), bytes: align(b.bytes * b.halves), ...slotsOf(round, i, i) });
  });
  const addresses = find(lifetimes, round.period);
  if (!(addresses instanceof Map)) return { blocked: addresses };
  const at = (key: string): number => addresses.get(key) ?? fail(diag.internal({}, `block ${key} has no address`));
  const residents: Resident[] = held.map(({ tensor, bytes }) => ({ tensor, address: at(heldKey(tensor)), bytes, from: 0, to: last }));
  for (const [key, chain] of chains) {
    for (const v of chain.intervals)
      residents.push({ tensor: v.tensor, address: at(key), bytes: v.bytes * subBatch, from: v.from, to: v.to });
  }
  const steps = group.steps.map((step, i): Step => {
    const blocks = step.blocks.map((b) => ({ ...b, address: at(blockKey(i, b)) }));
    return { ...step, blocks, footprint: footprintOf(i, residents, blocks) };
  });
  return { ...group, steps, residents };
}

function heldKey(tensor: string): string {
  return `held/${tensor}`;
}

function blockKey(step: number, block: Block): string {
  return `${step}/${block.name}`;
}

interface Chain {
  readonly bytes: number;
  readonly from: number;
  to: number;
  readonly intervals: Interval[];
}

/** Intervals that take over each other's place share one block of the buffer. */
function chainsOf(intervals: readonly Interval[]): Map<string, Chain> {
  const chains = new Map<string, Chain>();
  const open = new Map<string, Chain>();
  intervals.forEach((v, i) => {
    const donor = v.inPlaceOf === undefined ? undefined : open.get(v.inPlaceOf);
    if (donor !== undefined) {
      donor.to = Math.max(donor.to, v.to);
      donor.intervals.push(v);
      open.set(v.tensor, donor);
      return;
    }
    const chain: Chain = { bytes: v.bytes, from: v.from, to: v.to, intervals: [v] };
    chains.set(`${i}:${v.tensor}`, chain);
    open.set(v.tensor, chain);
  });
  return chains;
}
