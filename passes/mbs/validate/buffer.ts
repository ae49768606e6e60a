import type { Network, Operand } from '../network.ts';
import { ALIGNMENT, align, type Block, type Group, heldTensors, type Resident, type Resources, type Step } from '../schedule.ts';
import { endsInTime, isTogether, roundOf, type Slots, slotsOf } from '../stages.ts';
import { blocksOf } from '../tiling.ts';
import { isCount, type Report, type StepCheck } from './report.ts';

/** The step has the blocks that its tiling needs, and no others. */
export function checkBlocks({ view, step, group }: StepCheck, report: Report): void {
  const needed = new Map(blocksOf(view, step.inputs, step.outputs, group.subBatch, step).map((b) => [b.name, b]));
  const found = new Set<string>();
  for (const block of step.blocks) {
    const need = needed.get(block.name);
    if (need === undefined) report(block, `block '${block.name}' serves nothing in this step`);
    else if (found.has(block.name)) report(block, `block '${block.name}' occurs twice`);
    else if (block.halves !== need.halves)
      report(block, `block '${block.name}' must ${need.halves === 2 ? 'be there twice, for chunks in turn' : 'be there once'}`);
    else if (block.bytes < need.bytes) report(block, `block '${block.name}' has ${block.bytes} bytes and needs ${need.bytes}`);
    found.add(block.name);
  }
  for (const name of needed.keys()) if (!found.has(name)) report(step, `block '${name}' of ${needed.get(name)?.bytes} bytes is missing`);
}

/** Every operand, by its storage. */
export function operandsOf(network: Network): ReadonlyMap<string, Operand> {
  return new Map(network.layers.flatMap((view) => [...view.inputs, ...view.outputs]).map((o) => [o.tensor, o]));
}

/** Every resident tensor has its size, lives within the group, and has one place at a time. */
export function checkResidents(group: Group, operands: ReadonlyMap<string, Operand>, report: Report): void {
  const held = heldTensors(group);
  group.residents.forEach((r, i) => {
    const operand = operands.get(r.tensor);
    const expected = (operand?.bytes ?? 0) * group.subBatch;
    if (held.has(r.tensor)) checkHeld(group, r, operand?.bytes, report);
    else if (operand?.batched !== true) report(r, 'is no tensor that is cut into sub-batches, and no step holds it', r.tensor);
    else if (r.bytes !== expected) report(r, `has ${r.bytes} bytes; ${group.subBatch} samples of it have ${expected}`, r.tensor);
    if (!isCount(r.from, 0, r.to) || !isCount(r.to, r.from, group.steps.length - 1))
      report(r, `lives in steps ${r.from}..${r.to} of a group with ${group.steps.length} steps`, r.tensor);
    const twice = group.residents.slice(0, i).some((o) => o.tensor === r.tensor && o.from <= r.to && r.from <= o.to);
    if (twice) report(r, 'has two places at the same time', r.tensor);
  });
}

/** What is held stays in all steps. */
function checkHeld({ steps }: Group, r: Resident, bytes: number | undefined, report: Report): void {
  if (r.bytes !== bytes) report(r, `has ${r.bytes} bytes; all of it has ${bytes}`, r.tensor);
  if (r.from !== 0 || r.to !== steps.length - 1)
    report(r, `is held over all iterations and must live in steps 0..${steps.length - 1}`, r.tensor);
}

/** What lies in the buffer at the same time is inside of it, begins aligned, and does not overlap. */
export function checkPlaces(network: Network, group: Group, resources: Resources, report: Report): void {
  const { alternating } = group;
  if (alternating !== undefined && (alternating % ALIGNMENT !== 0 || alternating > resources.globalBytes))
    report(
      group,
      `iterations alternate between places ${alternating} bytes apart, which is no multiple of ${ALIGNMENT} within the global buffer`,
    );
  const [bytes, area] =
    alternating === undefined
      ? [resources.globalBytes, 'the global buffer']
      : [Math.min(alternating, resources.globalBytes - alternating), 'what each of two iterations has of the global buffer'];
  for (const part of [...group.residents, ...group.steps.flatMap((step) => step.blocks)]) {
    const { address, end } = extentOf(part);
    if (!isCount(address, 0, end) || end > bytes)
      report(part, `${nameOf(part)} lies at ${address} to ${end}, outside of the ${bytes} bytes of ${area}`);
    else if (address % ALIGNMENT !== 0) report(part, `${nameOf(part)} begins at ${address}, which is no multiple of ${ALIGNMENT}`);
  }
  const round = roundOf(group);
  const slots = (from: number, to: number): Slots => slotsOf(round, from, to);
  const meet = (a: Slots, b: Slots): boolean => isTogether(a, b, round.period);
  group.residents.forEach((r, i) => {
    if (!endsInTime(round, r.from, r.to))
      report(r, `${nameOf(r)} is still there when the next iteration needs its place: stages must begin elsewhere`, r.tensor);
    for (const other of group.residents.slice(0, i)) {
      if (!overlap(other, r)) continue;
      const [a, b] = [slots(other.from, other.to), slots(r.from, r.to)];
      // What takes over a place shares the step in which it does with the one before.
      const together = takesOver(network, group, other, r)
        ? meet(a, { ...b, from: b.from + 1 })
        : takesOver(network, group, r, other)
          ? meet({ ...a, from: a.from + 1 }, b)
          : meet(a, b);
      if (together)
        report(r, `${nameOf(r)} overlaps ${nameOf(other)} in steps ${Math.max(r.from, other.from)}..${Math.min(r.to, other.to)}`, r.tensor);
    }
  });
  group.steps.forEach((step, i) => {
    checkStepBlocks(
      step,
      group.residents.filter((r) => meet(slots(r.from, r.to), slots(i, i))),
      report,
    );
  });
}

function checkStepBlocks(step: Step, residents: readonly Resident[], report: Report): void {
  step.blocks.forEach((block, i) => {
    for (const other of [...residents, ...step.blocks.slice(0, i)])
      if (overlap(block, other)) report(block, `${nameOf(block)} overlaps ${nameOf(other)}`);
  });
}

type Part = Block | Resident;

function extentOf(part: Part): { readonly address: number; readonly end: number } {
  const bytes = 'halves' in part ? part.bytes * part.halves : part.bytes;
  return { address: part.address, end: part.address + align(bytes) };
}

function nameOf(part: Part): string {
  return 'halves' in part ? `block '${part.name}'` : `tensor '${part.tensor}'`;
}

function overlap(a: Part, b: Part): boolean {
  const [x, y] = [extentOf(a), extentOf(b)];
  return x.address < y.end && y.address < x.end;
}

/** Whether `next` is made, element by element, where `last` is read for the last time. */
function takesOver(network: Network, group: Group, last: Resident, next: Resident): boolean {
  const step = group.steps[next.from];
  const view = network.layers.find((v) => v.layer.name === step?.layer);
  const isDonor = (index: number): boolean => view?.inputs[index]?.tensor === last.tensor && step?.inputs[index]?.mode === 'resident';
  return (
    last.to === next.from &&
    last.address === next.address &&
    last.bytes === next.bytes &&
    view?.outputs[0]?.tensor === next.tensor &&
    view.record.inPlace?.some(isDonor) === true
  );
}
