import { halfBits } from '../half-codec.ts';
import { charge, operand, type Slots, slot, type Spans, V, value, type VectorOperation } from './operation.ts';

const f = Math.fround;

function weightBytes(s: Slots, withWeight: number): number {
  return withWeight === 1 ? slot(s, V.COUNT) * 2 : 0;
}

function spanState(s: Slots, o: Float64Array, states: number, span: Spans): void {
  for (let i = 0; i < states; i++) span(operand(o, i), slot(s, V.COUNT) * 4);
  if (operand(o, states + 1) === 1) span(operand(o, states), slot(s, V.COUNT) * 2);
}

export const sgd: VectorOperation = {
  cost: (s, o, out) => charge(out, slot(s, V.COUNT), 3, slot(s, V.COUNT) * 8, slot(s, V.COUNT) * 4 + weightBytes(s, operand(o, 3))),
  spans: (s, o, span) => spanState(s, o, 2, span),
  run: (g, s, o) => {
    const [master, grad, weight] = [operand(o, 0) >> 2, operand(o, 1) >> 2, operand(o, 2) >> 1];
    const [lr, decay, scale] = [value(s, V.LR), value(s, V.DECAY), value(s, V.GRADSCALE)];
    for (let i = 0; i < slot(s, V.COUNT); i++) {
      const before = g.f32[master + i] ?? 0;
      const gradient = f(f(scale * (g.f32[grad + i] ?? 0)) + f(decay * before));
      const after = f(before - f(lr * gradient));
      g.f32[master + i] = after;
      if (operand(o, 3) === 1) g.u16[weight + i] = halfBits(after);
    }
  },
};

export const momentum: VectorOperation = {
  cost: (s, o, out) => charge(out, slot(s, V.COUNT), 5, slot(s, V.COUNT) * 12, slot(s, V.COUNT) * 8 + weightBytes(s, operand(o, 4))),
  spans: (s, o, span) => spanState(s, o, 3, span),
  run: (g, s, o) => {
    const [master, velocity, grad, weight] = [operand(o, 0) >> 2, operand(o, 1) >> 2, operand(o, 2) >> 2, operand(o, 3) >> 1];
    const [lr, decay, scale, share] = [value(s, V.LR), value(s, V.DECAY), value(s, V.GRADSCALE), value(s, V.MOMENTUM)];
    const nesterov = slot(s, V.NESTEROV) !== 0;
    for (let i = 0; i < slot(s, V.COUNT); i++) {
      const before = g.f32[master + i] ?? 0;
      const gradient = f(f(scale * (g.f32[grad + i] ?? 0)) + f(decay * before));
      const speed = f(f(share * (g.f32[velocity + i] ?? 0)) + gradient);
      const step = nesterov ? f(gradient + f(share * speed)) : speed;
      const after = f(before - f(lr * step));
      g.f32[velocity + i] = speed;
      g.f32[master + i] = after;
      if (operand(o, 4) === 1) g.u16[weight + i] = halfBits(after);
    }
  },
};
