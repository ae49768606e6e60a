import { halfBits } from '../half.ts';
import { read, type Semantics, times, update, write } from './semantics.ts';
import { onlyWith, product } from './size.ts';

const { fround } = Math;
const count = product('COUNT');
const singles = product(4, count);
const halves = product(2, count);

/** GRADSCALE·grad + DECAY·master, each operation rounded to f32. */
function gradientOf(scale: number, grad: number, decay: number, master: number): number {
  return fround(fround(scale * grad) + fround(decay * master));
}

export const sgd: Semantics<'v.sgd'> = {
  uses: { master: update(4, singles), grad: read(4, singles), weight: write(2, onlyWith('v.sgd', 'withWeight', halves)) },
  elements: count,
  passes: times(3),
  slots: ['LR', 'DECAY', 'GRADSCALE'],
  run: (call, master: number, grad: number, weight: number, withWeight: number) => {
    const { f32, u16 } = call;
    const [rate, decay, scale] = [call.float('LR'), call.float('DECAY'), call.float('GRADSCALE')];
    const [m, g, w] = [master / 4, grad / 4, weight / 2];
    for (let i = 0; i < count(call); i++) {
      const before = f32[m + i] ?? 0;
      const after = fround(before - fround(rate * gradientOf(scale, f32[g + i] ?? 0, decay, before)));
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
  slots: ['LR', 'MOMENTUM', 'DECAY', 'GRADSCALE', 'NESTEROV'],
  run: (call, master: number, velocity: number, grad: number, weight: number, withWeight: number) => {
    const { f32, u16 } = call;
    const [rate, decay, scale] = [call.float('LR'), call.float('DECAY'), call.float('GRADSCALE')];
    const [share, nesterov] = [call.float('MOMENTUM'), call.int('NESTEROV') !== 0];
    const [m, v, g, w] = [master / 4, velocity / 4, grad / 4, weight / 2];
    for (let i = 0; i < count(call); i++) {
      const before = f32[m + i] ?? 0;
      const gradient = gradientOf(scale, f32[g + i] ?? 0, decay, before);
      const speed = fround(fround(share * (f32[v + i] ?? 0)) + gradient);
      const step = nesterov ? fround(gradient + fround(share * speed)) : speed;
      const after = fround(before - fround(rate * step));
      call.setSingle(velocity, i, speed);
      call.setSingle(master, i, after);
      if (withWeight !== 0) u16[w + i] = halfBits(after);
    }
  },
};
