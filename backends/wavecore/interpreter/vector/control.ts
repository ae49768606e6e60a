import { CONTROL_LENGTH, type ControlWord, controlIndex, LOSS_SCALE_BOUNDS } from '../../../../ir/layers/control.ts';
import { LOADABLE_SLOTS, VECTOR_SLOTS } from '../../isa/slots.ts';
import type { Call } from './call.ts';
import { once, read, type Semantics, times, update } from './semantics.ts';

const { fround } = Math;
const WORD = 4;
const controlBytes = (): number => CONTROL_LENGTH * WORD;

/** Position of `slot` among the fields of v.ld_cfg. */
const SLOT = 0;

export const loadConfiguration: Semantics<'v.ld_cfg'> = {
  uses: { src: read(4, () => WORD) },
  elements: (call) => {
    const name = VECTOR_SLOTS[call.operand(SLOT)];
    if (name === undefined || !LOADABLE_SLOTS.includes(name)) call.fault(`slot ${name ?? call.operand(SLOT)} cannot be loaded from memory`);
    return 1;
  },
  passes: once,
  run: (call, slot: number, src: number) => {
    call.slots[slot] = call.i32[src / WORD] ?? 0;
  },
};

export const checkFinite: Semantics<'v.check_finite'> = {
  uses: { control: update(4, controlBytes), grad: read(4, (call) => WORD * call.int('COUNT')) },
  elements: (call) => call.int('COUNT'),
  passes: once,
  run: (call, control: number, grad: number) => {
    const from = grad / WORD;
    const finite = call.f32.subarray(from, from + call.int('COUNT')).every(Number.isFinite);
    if (!finite) call.setSingle(control, controlIndex('overflow'), 1);
  },
};

export const step: Semantics<'v.step'> = {
  uses: { control: update(4, controlBytes), rate: read(4, () => WORD) },
  elements: () => CONTROL_LENGTH,
  passes: times(4),
  run: (call, control: number, rate: number) => {
    const get = (word: ControlWord): number => call.single(control, controlIndex(word));
    const set = (word: ControlWord, value: number): void => call.setSingle(control, controlIndex(word), value);
    const hold = get('overflow') !== 0;
    const scale = get('lossScale');
    set('learningRate', call.single(rate, 0));
    set('gradScale', fround(1 / scale));
    set('hold', hold ? 1 : 0);
    set('overflow', 0);
    set('step', get('step') + 1);
    if (!hold) advancePowers(call, get, set);
    if (call.int('DYNAMIC') === 0) return;
    const good = hold ? 0 : get('good') + 1;
    const grows = good >= call.int('INTERVAL');
    set('good', grows ? 0 : good);
    if (hold) set('lossScale', Math.max(scale / 2, LOSS_SCALE_BOUNDS.least));
    else if (grows) set('lossScale', Math.min(scale * 2, LOSS_SCALE_BOUNDS.most));
  },
};

function advancePowers(call: Call, get: (word: ControlWord) => number, set: (word: ControlWord, value: number) => void): void {
  set('power1', get('power1') * call.float('BETA1'));
  set('power2', get('power2') * call.float('BETA2'));
  set('correct1', 1 / fround(1 - get('power1')));
  set('correct2', 1 / fround(1 - get('power2')));
}
