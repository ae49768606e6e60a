import type { LayerView, Operand } from '../../../passes/mbs/network.ts';
import { isUpdated, overwritten } from '../../../passes/mbs/network.ts';
import { isDivisible } from '../../../passes/mbs/parts.ts';
import { type Access, type Group, isHeld, type Step } from '../../../passes/mbs/schedule.ts';
import type { Part } from './context.ts';
import type { Touch } from './hazards.ts';
import type { Queue } from './queues.ts';

/**
 * Everything that a part of a step does to the global buffer and to the DRAM, by the schedule. The first part loads what all samples share,
 * the last one stores it.
 */
export function touchesOf(view: LayerView, index: number, group: Group, part: Pick<Part, 'from' | 'to' | 'first' | 'last'>): Touch[] {
  const step = group.steps[index];
  if (step === undefined) return [];
  const touches: Touch[] = [];
  const buffer = (queue: Queue, write: boolean, [from, to]: readonly [number, number], maybe = false): void => {
    touches.push({ queue, write, from, to, maybe });
  };
  const dram = (queue: Queue, write: boolean, o: Operand, maybe = false): void => {
    const { tensor: storage } = o;
    const { from, to } = part;
    if (o.batched) touches.push({ queue, write, storage, from, to, moves: true });
    else touches.push({ queue, write, storage, from: 0, to: Number.POSITIVE_INFINITY, maybe });
  };
  const place = (access: Access, o: Operand, name: string): Range | undefined => {
    if (access.mode !== 'resident' && access.mode !== 'load' && !isHeld(access))
      return blockRange(
        step,
        access.mode === 'panel' ? 'panel' : name,
        access.mode === 'stream' && isDivisible(view, step) ? part : undefined,
      );
    const resident = group.residents.find((r) => r.tensor === o.tensor && r.from <= index && r.to >= index);
    const [first, end] = o.batched ? [part.from, part.to] : [0, 1];
    return resident && [resident.address + first * o.bytes, resident.address + end * o.bytes];
  };

  step.inputs.forEach((access, i) => {
    const o = view.inputs[i];
    const range = o && place(access, o, `in${i}`);
    if (o === undefined || range === undefined || isUpdated(view, 'in', i)) return;
    if (access.mode !== 'resident' && !isHeld(access) && (o.batched || part.first)) {
      dram('load', false, o);
      buffer('load', true, range);
    }
    for (const unit of readersOf(view, i)) buffer(unit, false, range, !o.batched && view.update !== undefined && group.iterations > 1);
  });
  step.outputs.forEach((access, i) => {
    const o = view.outputs[i];
    const donor = overwritten(view, i);
    const range = o && place(access, o, donor < 0 ? `out${i}` : `in${donor}`);
    if (o === undefined || range === undefined || isUpdated(view, 'out', i)) return;
    const unit = writerOf(view, i);
    if (!o.batched) {
      // Sums over samples: what earlier iterations left comes back first, if there are any.
      buffer(unit, false, range);
      if (view.phase !== 'update' && part.first && group.iterations > 1 && !isHeld(access)) {
        dram('load', false, o, true);
        buffer('load', true, range, true);
      }
    }
    buffer(unit, true, range);
    // A gradient that is updated from is stored in all iterations but the last.
    const isStored = access.store || (i === 0 && view.update !== undefined && group.iterations > 1);
    if (!isStored || isHeld(access) || !(o.batched || part.last)) return;
    buffer('store', false, range);
    dram('store', true, o);
  });
  const state = stateRange(view, step, part);
  const isGathered = gathersTotals(view);
  // Totals are gathered by the matrix unit as well, between the two ends of the vector unit's work on them.
  for (const unit of isGathered ? (['vector', 'matrix'] as const) : (['vector'] as const)) {
    if (state === undefined) break;
    if (isGathered && unit === 'vector') touches.push({ queue: unit, write: true, from: state[0], to: state[1], early: true });
    buffer(unit, false, state);
    buffer(unit, true, state);
  }
  const [gradient, access] = [view.outputs[0], step.outputs[0]];
  const panel = gradient && access && place(access, gradient, 'out0');
  return [...touches, ...updateTouches(view, step, panel, group.iterations > 1)];
}

type Samples = Pick<Part, 'from' | 'to'>;

type Range = readonly [from: number, to: number];

/** What the update at the end of a weight gradient does, behind the last iteration of its product. */
function updateTouches(view: LayerView, step: Step, panel: Range | undefined, repeats: boolean): Touch[] {
  const { update } = view;
  if (update === undefined) return [];
  const touches: Touch[] = [];
  const maybe = repeats;
  const add = (queue: Queue, write: boolean, name: string, late: boolean): void => {
    const range = blockRange(step, name);
    if (range !== undefined) touches.push({ queue, write, from: range[0], to: range[1], maybe, late });
  };
  const dram = (queue: Queue, write: boolean, o: Operand | undefined): void => {
    if (o === undefined) return;
    touches.push({ queue, write, storage: o.tensor, from: 0, to: Number.POSITIVE_INFINITY, maybe, late: queue === 'load', once: true });
  };
  for (const i of update.inputs) {
    dram('load', false, view.inputs[i]);
    add('load', true, `in${i}`, true);
    for (const write of [false, true]) add('vector', write, `in${i}`, false);
    add('store', false, `in${i}`, false);
    dram('store', true, view.inputs[i]);
  }
  if (panel !== undefined) touches.push({ queue: 'vector', write: false, from: panel[0], to: panel[1], maybe });
  add('vector', true, `in${update.control}`, false);
  add('vector', true, `out${update.weight}`, false);
  add('store', false, `out${update.weight}`, false);
  dram('store', true, view.outputs[update.weight]);
  return touches;
}

/** What a layer keeps state in; that of totals which are gathered is the part's own. */
function stateRange(view: LayerView, step: Step, { from, to }: Samples): Range | undefined {
  const state = blockRange(step, 'state');
  const { perSample } = view.state;
  return state !== undefined && gathersTotals(view) ? [state[0] + from * perSample, state[0] + to * perSample] : state;
}

/** Whether a product sums up its results while they drain. */
export function gathersTotals({ matrix, outputs }: LayerView): boolean {
  return matrix !== undefined && matrix.form !== 'weightGradient' && outputs.length > 1;
}

/** The units that read an input: a weight gradient with biases sums the output gradient on the vector unit too. */
function readersOf({ matrix, bias, inputs }: LayerView, input: number): readonly Queue[] {
  if (matrix === undefined) return ['vector'];
  if (matrix.form === 'weightGradient' && inputs[input]?.batched === false) return ['vector'];
  return bias !== undefined && input === matrix.stationary ? ['matrix', 'vector'] : ['matrix'];
}

function writerOf({ matrix }: LayerView, output: number): Queue {
  return matrix === undefined || output > 0 ? 'vector' : 'matrix';
}

/** A block, of a double buffer the half of a part that is one turn. */
function blockRange({ blocks, chunk }: Step, name: string, part?: Samples): readonly [number, number] | undefined {
  const block = blocks.find((b) => b.name === name);
  if (block === undefined) return undefined;
  const { address, bytes, halves } = block;
  if (halves === 1 || part === undefined || part.to - part.from > chunk) return [address, address + bytes * halves];
  const half = Math.floor(part.from / chunk) % 2;
  return [address + half * bytes, address + (half + 1) * bytes];
}
