import type { LayerView, Operand } from '../../../passes/mbs/network.ts';
import { overwritten } from '../../../passes/mbs/network.ts';
import type { Access, Group, Step } from '../../../passes/mbs/schedule.ts';
import type { Touch } from './hazards.ts';
import type { Queue } from './queues.ts';

/** Samples of the sub-batch, from `from` to before `to`. */
export interface Samples {
  readonly from: number;
  readonly to: number;
}

/** Everything that a step does to the global buffer and to the DRAM for some samples of the sub-batch, by the schedule. */
export function touchesOf(view: LayerView, index: number, group: Group, samples: Samples): Touch[] {
  const step = group.steps[index];
  if (step === undefined) return [];
  const touches: Touch[] = [];
  const buffer = (queue: Queue, write: boolean, [from, to]: readonly [number, number]): void => {
    touches.push({ queue, write, from, to });
  };
  const dram = (queue: Queue, write: boolean, o: Operand): void => {
    const { tensor: storage } = o;
    if (o.batched) touches.push({ queue, write, storage, ...samples, moves: true });
    else touches.push({ queue, write, storage, from: 0, to: Number.POSITIVE_INFINITY });
  };
  const place = (access: Access, o: Operand, name: string): readonly [number, number] | undefined => {
    if (access.mode !== 'resident' && access.mode !== 'load') return blockRange(step, access.mode === 'panel' ? 'panel' : name);
    const resident = group.residents.find((r) => r.tensor === o.tensor && r.from <= index && r.to >= index);
    return resident && [resident.address + samples.from * o.bytes, resident.address + samples.to * o.bytes];
  };

  step.inputs.forEach((access, i) => {
    const o = view.inputs[i];
    const range = o && place(access, o, `in${i}`);
    if (o === undefined || range === undefined) return;
    if (access.mode !== 'resident') {
      dram('load', false, o);
      buffer('load', true, range);
    }
    for (const unit of readersOf(view, i)) buffer(unit, false, range);
  });
  step.outputs.forEach((access, i) => {
    const o = view.outputs[i];
    const donor = overwritten(view, i);
    const range = o && place(access, o, donor < 0 ? `out${i}` : `in${donor}`);
    if (o === undefined || range === undefined) return;
    const unit = writerOf(view, i);
    if (!o.batched) {
      // Sums over samples: what earlier iterations left comes back first.
      buffer(unit, false, range);
      if (view.phase !== 'update') {
        dram('load', false, o);
        buffer('load', true, range);
      }
    }
    buffer(unit, true, range);
    if (!access.store) return;
    buffer('store', false, range);
    dram('store', true, o);
  });
  const state = blockRange(step, 'state');
  if (state !== undefined) {
    buffer('vector', false, state);
    buffer('vector', true, state);
  }
  return touches;
}

/** The units that read an input: a weight gradient with biases sums the output gradient on the vector unit too. */
function readersOf({ matrix, outputs }: LayerView, input: number): readonly Queue[] {
  if (matrix === undefined) return ['vector'];
  return matrix.form === 'weightGradient' && outputs.length > 1 && input === matrix.stationary ? ['matrix', 'vector'] : ['matrix'];
}

function writerOf({ matrix }: LayerView, output: number): Queue {
  return matrix === undefined || output > 0 ? 'vector' : 'matrix';
}

function blockRange({ blocks }: Step, name: string): readonly [number, number] | undefined {
  const block = blocks.find((b) => b.name === name);
  return block && [block.address, block.address + block.bytes * block.halves];
}
