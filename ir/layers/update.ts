import type { Attrs } from '../graph.ts';
import type { TensorType } from '../tensor.ts';
import { type AttrSpecs, boolAttr, floatAttr } from './attrs.ts';
import { CONTROL, controlWord, expectControl } from './control.ts';
import type { KindRecord, OperandSpec, Values } from './record.ts';
import { at, expectSame, f16, f32, nth } from './types.ts';

const DECAY = {
  weightDecay: { type: 'float', doc: 'share of the parameter added to its gradient' },
} as const satisfies AttrSpecs;

const MOMENTUM_ATTRS = {
  ...DECAY,
  momentum: { type: 'float', default: 0.9, doc: 'share of the velocity that stays' },
  nesterov: { type: 'bool', default: false, doc: 'steps along g + momentum·velocity′' },
} as const satisfies AttrSpecs;

const ADAM_ATTRS = {
  ...DECAY,
  decoupled: { type: 'bool', default: false, doc: 'weight decay shrinks the parameter directly, not through its gradient (AdamW)' },
  beta1: { type: 'float', default: 0.9, doc: 'share of the first moment that stays' },
  beta2: { type: 'float', default: 0.999, doc: 'share of the second moment that stays' },
  epsilon: { type: 'float', default: 1e-8, doc: 'added to the root of the second moment' },
} as const satisfies AttrSpecs;

const parameter = (name: string): OperandSpec => ({ name, dtypes: ['f32'], shared: true });
const updated = (name: string): OperandSpec => ({ name, dtypes: ['f32'], shared: true, resultKind: 'optimizerState' });
const WEIGHT: OperandSpec = { name: 'weight', dtypes: ['f16'], shared: true, optional: true, resultKind: 'weight' };

/** What one rule computes for all elements: the new parameter, then the new state. */
type Rule = (before: Values, states: readonly Values[], grad: Values, control: Values, attrs: Attrs) => Values[];

/** The record of an optimizer with `states` beside the f32 master; where `hold` is set, all of it stays as it is. */
function optimizer(kind: string, doc: string, states: readonly string[], attrs: AttrSpecs, passes: number, rule: Rule): KindRecord {
  const held = ['master', ...states];
  return {
    kind,
    doc: `${doc}; all unchanged where control.hold; weight = f16(master′).`,
    inputs: [...held.map(parameter), parameter('grad'), CONTROL],
    outputs: [...held.map(updated), WEIGHT],
    attrs,
    unit: 'vector',
    crossesSamples: () => false,
    infer: (inputs: readonly TensorType[], _attrs, wanted) => {
      const { shape } = nth(inputs, 0);
      expectSame('gradient and state', nth(inputs, 0), inputs.slice(0, -1));
      expectControl(inputs, held.length + 1);
      return Array.from({ length: wanted }, (_, i) => (i < held.length ? f32(shape) : f16(shape)));
    },
    passes,
    inPlace: [0],
    stripes: 'flat',
    reference: (inputs, _types, own, outputs) => {
      const control = nth(inputs, held.length + 1);
      const before = inputs.slice(0, held.length);
      const after =
        controlWord(control, 'hold') === 0
          ? rule(nth(before, 0), before.slice(1), nth(inputs, held.length), control, own)
          : before.map((v) => v.slice());
      return outputs.length > held.length ? [...after, nth(after, 0).slice()] : after;
    },
  };
}

/** control.gradScale·grad + weightDecay·master. */
function gradientOf(before: Values, grad: Values, control: Values, decay: number): Values {
  const scale = controlWord(control, 'gradScale');
  return before.map((m, i) => scale * at(grad, i) + decay * m);
}

/** master − control.learningRate·step. */
function moved(before: Values, step: Values, control: Values): Values {
  const rate = controlWord(control, 'learningRate');
  return before.map((m, i) => m - rate * at(step, i));
}

export const sgd = optimizer(
  'sgd',
  'g = control.gradScale·grad + weightDecay·master; master′ = master − control.learningRate·g',
  [],
  DECAY,
  3,
  (before, _states, grad, control, attrs) => [
    moved(before, gradientOf(before, grad, control, floatAttr(DECAY, attrs, 'weightDecay')), control),
  ],
);

export const momentum = optimizer(
  'momentum',
  'g as in sgd; velocity′ = momentum·velocity + g; master′ = master − control.learningRate·velocity′ (nesterov: ·(g + momentum·velocity′))',
  ['velocity'],
  MOMENTUM_ATTRS,
  4,
  (before, [velocity = new Float64Array()], grad, control, attrs) => {
    const share = floatAttr(MOMENTUM_ATTRS, attrs, 'momentum');
    const gradient = gradientOf(before, grad, control, floatAttr(MOMENTUM_ATTRS, attrs, 'weightDecay'));
    const after = gradient.map((g, i) => share * at(velocity, i) + g);
    const step = boolAttr(MOMENTUM_ATTRS, attrs, 'nesterov') ? gradient.map((g, i) => g + share * at(after, i)) : after;
    return [moved(before, step, control), after];
  },
);

/** Kingma and Ba, arXiv 1412.6980, algorithm 1; decoupled: Loshchilov and Hutter, arXiv 1711.05101. */
export const adam = optimizer(
  'adam',
  'g as in sgd; first′ = beta1·first + (1 − beta1)·g; second′ = beta2·second + (1 − beta2)·g²; master′ = master − control.learningRate·control.correct1·first′/(sqrt(control.correct2·second′) + epsilon) (decoupled: g without weight decay, and − learningRate·weightDecay·master)',
  ['first', 'second'],
  ADAM_ATTRS,
  10,
  (before, [first = new Float64Array(), second = new Float64Array()], grad, control, attrs) => {
    const float = (name: string): number => floatAttr(ADAM_ATTRS, attrs, name);
    const decoupled = boolAttr(ADAM_ATTRS, attrs, 'decoupled');
    const decay = float('weightDecay');
    const gradient = gradientOf(before, grad, control, decoupled ? 0 : decay);
    const m = gradient.map((g, i) => float('beta1') * at(first, i) + (1 - float('beta1')) * g);
    const v = gradient.map((g, i) => float('beta2') * at(second, i) + (1 - float('beta2')) * g * g);
    const [correct1, correct2] = [controlWord(control, 'correct1'), controlWord(control, 'correct2')];
    const step = m.map((first1, i) => {
      const adaptive = (correct1 * first1) / (Math.sqrt(correct2 * at(v, i)) + float('epsilon'));
      return decoupled ? adaptive + decay * at(before, i) : adaptive;
    });
    return [moved(before, step, control), m, v];
  },
);
