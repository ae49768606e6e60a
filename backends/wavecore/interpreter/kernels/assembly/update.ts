import { canonical4, encode4 } from './half';
import { store4 } from './lanes';
import { firstOf } from './layout';
import { COUNT, DECAY, float, GRADSCALE, int, LR, MOMENTUM } from './vector-slots';

/** Up to four f32; lanes behind `count` are 0. */
function singles(at: usize, count: i32): v128 {
  if (count >= 4) return v128.load(at);
  let values = v128.load32_zero(at);
  if (count > 1) values = f32x4.replace_lane(values, 1, load<f32>(at, 4));
  if (count > 2) values = f32x4.replace_lane(values, 2, load<f32>(at, 8));
  return values;
}

function storeSingles(at: usize, values: v128, count: i32): void {
  if (count >= 4) {
    v128.store(at, values);
    return;
  }
  v128.store_lane<f32>(at, values, 0);
  if (count > 1) v128.store_lane<f32>(at, values, 1, 4);
  if (count > 2) v128.store_lane<f32>(at, values, 2, 8);
}

/** GRADSCALE·grad + DECAY·master. */
function gradientOf(grad: v128, master: v128): v128 {
  const scaled = f32x4.mul(f32x4.splat(float(GRADSCALE)), grad);
  return f32x4.add(scaled, f32x4.mul(f32x4.splat(float(DECAY)), master));
}

/** master −= LR·step; stores it, and rounded to a half as the weight. */
function apply(step: v128, before: v128, master: usize, weight: usize, i: usize, left: i32, withWeight: bool): void {
  const after = canonical4(f32x4.sub(before, f32x4.mul(f32x4.splat(float(LR)), step)));
  storeSingles(master + (i << 2), after, left);
  if (withWeight) store4(weight + (i << 1), encode4(after), left);
}

export function sgd(part: i32, master: usize, grad: usize, weight: usize, withWeight: bool): void {
  const total = int(COUNT);
  const end = firstOf(total, part + 1);
  for (let i = firstOf(total, part); i < end; i += 4) {
    const at = <usize>i << 2;
    const before = singles(master + at, end - i);
    apply(gradientOf(singles(grad + at, end - i), before), before, master, weight, i, end - i, withWeight);
  }
}

export function momentum(part: i32, master: usize, velocity: usize, grad: usize, weight: usize, withWeight: bool, nesterov: bool): void {
  const share = f32x4.splat(float(MOMENTUM));
  const total = int(COUNT);
  const end = firstOf(total, part + 1);
  for (let i = firstOf(total, part); i < end; i += 4) {
    const at = <usize>i << 2;
    const left = end - i;
    const before = singles(master + at, left);
    const gradient = gradientOf(singles(grad + at, left), before);
    const speed = canonical4(f32x4.add(f32x4.mul(share, singles(velocity + at, left)), gradient));
    storeSingles(velocity + at, speed, left);
    const step = nesterov ? f32x4.add(gradient, f32x4.mul(share, speed)) : speed;
    apply(step, before, master, weight, i, left, withWeight);
  }
}
