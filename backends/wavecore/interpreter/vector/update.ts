import { halfBits } from '../half.ts';
import type { Call } from './call.ts';
import { read, type Semantics, times, update, write } from './semantics.ts';
import { onlyWith, product } from './size.ts';

const { fround } = Math;
const count = product('COUNT');
const singles = product(4, count);
const halves = product(2, count);

const isHeld = (call: Call): boolean => call.float('HOLD') !== 0;

/** GRADSCALE·grad + DECAY·master, each operation rounded to f32. */
function gradientOf(scale: number, grad: number, decay: number, master: number): number {
  return fround(fround(scale * grad) + fround(decay * master));
}

export const sgd: Semantics<'v.sgd'> = {
  uses: { master: update(4, singles), grad: read(4, singles), weight: write(2, onlyWith('v.sgd', 'withWeight', halves)) },
  elements: count,
  passes: times(3),
  slots: ['LR', 'DECAY', 'GRADSCALE', 'HOLD'],
  run: (call, master: number, grad: number, weight: number, withWeight: number) => {
    const { f32, u16 } = call;
    const [rate, decay, scale, hold] = [call.float('LR'), call.float('DECAY'), call.float('GRADSCALE'), isHeld(call)];
    const [m, g, w] = [master / 4, grad / 4, weight / 2];
    for (let i = 0; i < count(call); i++) {
      const before = f32[m + i] ?? 0;
      const after = hold ? before : fround(before - fround(rate * gradientOf(scale, f32[g + i] ?? 0, decay, before)));
      call.setSingle(master, i, after);
      if (withWeight !== 0) u16[w + i] = halfBits(after);
    }
  },
};

export const momentum: Semantics<'v.momentum'> = {
  uses: {
    master: update(4, singles),
    velocity: update(4, singles),
    grad: read(4, singles),
    weight: write(2, onlyWith('v.momentum', 'withWeight', halves)),
  },
  elements: count,
  passes: times(4),
  slots: ['LR', 'MOMENTUM', 'DECAY', 'GRADSCALE', 'NESTEROV', 'HOLD'],
  run: (call, master: number, velocity: number, grad: number, weight: number, withWeight: number) => {
    const { f32, u16 } = call;
    const [rate, decay, scale] = [call.float('LR'), call.float('DECAY'), call.float('GRADSCALE')];
    const [share, nesterov, hold] = [call.float('MOMENTUM'), call.int('NESTEROV') !== 0, isHeld(call)];
    const [m, v, g, w] = [master / 4, velocity / 4, grad / 4, weight / 2];
    for (let i = 0; i < count(call); i++) {
      const before = f32[m + i] ?? 0;
      const gradient = gradientOf(scale, f32[g + i] ?? 0, decay, before);
      const speed = fround(fround(share * (f32[v + i] ?? 0)) + gradient);
      const step = nesterov ? fround(gradient + fround(share * speed)) : speed;
      const after = fround(before - fround(rate * step));
      if (!hold) {
        call.setSingle(velocity, i, speed);
        call.setSingle(master, i, after);
      }
      if (withWeight !== 0) u16[w + i] = halfBits(hold ? before : after);
    }
  },
};

export const adam: Semantics<'v.adam'> = {
  uses: {
    master: update(4, singles),
    first: update(4, singles),
    second: update(4, singles),
    grad: read(4, singles),
    weight: write(2, onlyWith('v.adam', 'withWeight', halves)),
  },
  elements: count,
  passes: times(10),
  slots: ['LR', 'DECAY', 'GRADSCALE', 'EPS', 'BETA1', 'BETA2', 'CORRECT1', 'CORRECT2', 'DECOUPLED', 'HOLD'],
  run: (call, master: number, first: number, second: number, grad: number, weight: number, withWeight: number) => {
    const { f32, u16 } = call;
    const [rate, decay, scale, epsilon] = [call.float('LR'), call.float('DECAY'), call.float('GRADSCALE'), call.float('EPS')];
    const [beta1, beta2, correct1, correct2] = [call.float('BETA1'), call.float('BETA2'), call.float('CORRECT1'), call.float('CORRECT2')];
    const [rest1, rest2] = [fround(1 - beta1), fround(1 - beta2)];
    const [decoupled, hold] = [call.int('DECOUPLED') !== 0, isHeld(call)];
    const [m, v1, v2, g, w] = [master / 4, first / 4, second / 4, grad / 4, weight / 2];
    for (let i = 0; i < count(call); i++) {
      const before = f32[m + i] ?? 0;
      const gradient = gradientOf(scale, f32[g + i] ?? 0, decoupled ? 0 : decay, before);
      const mean = fround(fround(beta1 * (f32[v1 + i] ?? 0)) + fround(rest1 * gradient));
      const square = fround(fround(beta2 * (f32[v2 + i] ?? 0)) + fround(rest2 * fround(gradient * gradient)));
      const root = fround(fround(Math.sqrt(fround(correct2 * square))) + epsilon);
      const adaptive = fround(fround(correct1 * mean) / root);
      const step = decoupled ? fround(adaptive + fround(decay * before)) : adaptive;
      const after = fround(before - fround(rate * step));
      if (!hold) {
        call.setSingle(first, i, mean);
        call.setSingle(second, i, square);
        call.setSingle(master, i, after);
      }
      if (withWeight !== 0) u16[w + i] = halfBits(hold ? before : after);
    }
  },
};
