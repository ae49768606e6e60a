import type { TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr, floatAttr, intAttr } from './attrs.ts';
import type { KindRecord, OperandSpec, Values } from './record.ts';
import { at, expectShape, f32, nth } from './types.ts';

/** Words of the state that a training program keeps from step to step, an f32 tensor in DRAM. */
export const CONTROL_WORDS = [
  /** Of the step being done: what the caller last wrote to the tensor of the learning rate. */
  'learningRate',
  /** What the losses multiply gradients by in the step to come. */
  'lossScale',
  /** What the update multiplies gradients by: the reciprocal of the loss scale that they were computed with. */
  'gradScale',
  /** 1 once a gradient of this step was not finite. */
  'overflow',
  /** 1 where the step being done leaves parameters and optimizer state alone. */
  'hold',
  /** Steps without overflow since the loss scale last changed. */
  'good',
  /** Steps begun before, skipped ones included. */
  'step',
  /** beta1 and beta2 of Adam to the power of the updates done, this one included. */
  'power1',
  'power2',
  /** 1/(1 − power1), 1/(1 − power2). */
  'correct1',
  'correct2',
] as const;
export type ControlWord = (typeof CONTROL_WORDS)[number];

/** Elements of the tensor: one burst of DRAM. */
export const CONTROL_LENGTH = 16;

/** Position of a word among the elements. */
export function controlIndex(word: ControlWord): number {
  return CONTROL_WORDS.indexOf(word);
}

/** The last operand of a layer that depends on the state of the training step. */
export const CONTROL: OperandSpec = { name: 'control', dtypes: ['f32'], shared: true, whole: true };
const UPDATED_CONTROL: OperandSpec = { ...CONTROL, resultKind: 'optimizerState' };

/** @throws ShapeError where operand `index` is there and is no such tensor. */
export function expectControl(inputs: readonly TensorType[], index: number): void {
  const type = inputs[index];
  if (type !== undefined) expectShape('input control', type, [CONTROL_LENGTH]);
}

/** The value of a word. */
export function controlWord(control: Values, word: ControlWord): number {
  return at(control, controlIndex(word));
}

/** State before the first step. */
export function initialControl(lossScale: number): Float32Array {
  const start: Partial<Record<ControlWord, number>> = { lossScale, power1: 1, power2: 1 };
  return Float32Array.from({ length: CONTROL_LENGTH }, (_, i) => start[CONTROL_WORDS[i] ?? 'step'] ?? 0);
}

/** The loss scale never leaves these bounds. */
export const LOSS_SCALE_BOUNDS = { least: 1, most: 2 ** 24 } as const;

export const overflowCheck: KindRecord = {
  kind: 'overflow_check',
  doc: 'control′ = control with overflow = 1 where any element of the gradient is not finite.',
  inputs: [{ name: 'grad', dtypes: ['f32'], shared: true }, CONTROL],
  outputs: [UPDATED_CONTROL],
  attrs: {},
  unit: 'vector',
  crossesSamples: () => false,
  infer: (inputs) => {
    expectControl(inputs, 1);
    return [f32([CONTROL_LENGTH])];
  },
  stripes: 'flat',
  reference: (inputs) => {
    const control = nth(inputs, 1).slice();
    if (nth(inputs, 0).some((v) => !Number.isFinite(v))) control[controlIndex('overflow')] = 1;
    return [control];
  },
};

const STEP_ATTRS = {
  dynamic: { type: 'bool', default: false, doc: 'the loss scale follows the overflows: halved by each, doubled after an interval without' },
  interval: { type: 'int', default: 2000, doc: 'steps without overflow after which the loss scale doubles' },
  beta1: { type: 'float', default: 0.9, doc: 'of Adam' },
  beta2: { type: 'float', default: 0.999, doc: 'of Adam' },
} as const satisfies AttrSpecs;

export const stepControl: KindRecord = {
  kind: 'step_control',
  doc: 'control′ for the update: hold = overflow, gradScale = 1/lossScale, the learning rate, the powers of Adam’s betas; then the loss scale of the next step.',
  inputs: [CONTROL, { name: 'learning_rate', dtypes: ['f32'], shared: true, whole: true }],
  outputs: [UPDATED_CONTROL],
  attrs: STEP_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  beginning: (attrs) => {
    if (boolAttr(STEP_ATTRS, attrs, 'dynamic')) return undefined;
    return { beta1: floatAttr(STEP_ATTRS, attrs, 'beta1'), beta2: floatAttr(STEP_ATTRS, attrs, 'beta2') };
  },
  infer: (inputs) => {
    expectControl(inputs, 0);
    expectShape('input learning_rate', nth(inputs, 1), [1]);
    return [f32([CONTROL_LENGTH])];
  },
  reference: (inputs, _types, attrs) => {
    const next = nth(inputs, 0).slice();
    const get = (word: ControlWord): number => controlWord(next, word);
    const set = (word: ControlWord, value: number): void => {
      next[controlIndex(word)] = value;
    };
    const hold = get('overflow') !== 0;
    const scale = get('lossScale');
    set('learningRate', at(nth(inputs, 1), 0));
    set('hold', hold ? 1 : 0);
    set('gradScale', 1 / scale);
    set('overflow', 0);
    set('step', get('step') + 1);
    if (!hold) {
      set('power1', get('power1') * floatAttr(STEP_ATTRS, attrs, 'beta1'));
      set('power2', get('power2') * floatAttr(STEP_ATTRS, attrs, 'beta2'));
      set('correct1', 1 / (1 - get('power1')));
      set('correct2', 1 / (1 - get('power2')));
    }
    if (!boolAttr(STEP_ATTRS, attrs, 'dynamic')) return [next];
    const good = hold ? 0 : get('good') + 1;
    const grows = good >= intAttr(STEP_ATTRS, attrs, 'interval');
    set('good', grows ? 0 : good);
    if (hold) set('lossScale', Math.max(scale / 2, LOSS_SCALE_BOUNDS.least));
    else if (grows) set('lossScale', Math.min(scale * 2, LOSS_SCALE_BOUNDS.most));
    return [next];
  },
};
