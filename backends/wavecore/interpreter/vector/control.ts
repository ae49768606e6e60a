import { CONTROL_LENGTH, type ControlWord, controlIndex, LOSS_SCALE_BOUNDS } from '../../../../ir/layers/control.ts';
import { fieldIndex } from '../../isa/layout.ts';
import { LOADABLE_SLOTS, VECTOR_SLOTS } from '../../isa/slots.ts';
import type { Call } from './call.ts';
import { once, read, type Semantics, times, update } from './semantics.ts';
import { product } from './size.ts';

const { fround } = Math;
const WORD = 4;
const word = product(WORD);
const controlBytes = product(WORD * CONTROL_LENGTH);
const { slot: SLOT } = fieldIndex('v.ld_cfg');

export const loadConfiguration: Semantics<'v.ld_cfg'> = {
  uses: { src: read(WORD, word) },
  elements: once,
  passes: once,
  slots: [],
  needs: [
    {
      text: `slot is that of ${LOADABLE_SLOTS.join(', ')}`,
      holds: (call) => LOADABLE_SLOTS.some((name) => name === VECTOR_SLOTS[call.operand(SLOT)]),
    },
  ],
  run: (call, slot: number, src: number) => {
    call.slots[slot] = call.i32[src / WORD] ?? 0;
  },
};

export const checkFinite: Semantics<'v.check_finite'> = {
  uses: { control: update(WORD, controlBytes), grad: read(WORD, product(WORD, 'COUNT')) },
  elements: product('COUNT'),
  passes: once,
  slots: [],
  run: (call, control: number, grad: number) => {
    for (let i = 0; i < call.int('COUNT'); i++) {
      if (!Number.isFinite(call.single(grad, i))) call.setSingle(control, controlIndex('overflow'), 1);
    }
  },
};

export const step: Semantics<'v.step'> = {
  uses: { control: update(WORD, controlBytes), rate: read(WORD, word) },
  elements: product(CONTROL_LENGTH),
  passes: times(4),
  slots: ['BETA1', 'BETA2', 'DYNAMIC', 'INTERVAL'],
  run: (call, control: number, rate: number) => {
    const get = (name: ControlWord): number => call.single(control, controlIndex(name));
    const set = (name: ControlWord, value: number): void => call.setSingle(control, controlIndex(name), value);
    const hold = get('overflow') !== 0;
    const scale = get('lossScale');
    set('learningRate', call.single(rate, 0));
    set('gradScale', 1 / scale);
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

function advancePowers(call: Call, get: (name: ControlWord) => number, set: (name: ControlWord, value: number) => void): void {
  set('power1', get('power1') * call.float('BETA1'));
  set('power2', get('power2') * call.float('BETA2'));
  set('correct1', 1 / fround(1 - get('power1')));
  set('correct2', 1 / fround(1 - get('power2')));
}
