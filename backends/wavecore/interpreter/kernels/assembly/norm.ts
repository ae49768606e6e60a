import { encode4 } from './half';
import { load4, store4 } from './lanes';
import { firstOf } from './layout';
import { C, CROSS, GROUPS, H, int, M, N, W } from './vector-slots';

/** Bytes from the first f32 pair to that of the group of a channel of a sample. */
export function statisticsAt(sample: i32, channel: i32): usize {
  const groups = int(GROUPS);
  const set = int(CROSS) != 0 ? 0 : sample * groups;
  return <usize>(set + <i32>((<i64>channel * groups) / int(C))) << 3;
}

/** dst = f32(src × scale) + shift, scale = rstd × gamma, shift = beta − mean × scale, each operation rounded. */
export function norm(part: i32, dst: usize, src: usize, statistics: usize, gamma: usize, beta: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const total = int(N) * channels;
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) {
    const sample = plane / channels;
    const channel = plane - sample * channels;
    const pair = statistics + statisticsAt(sample, channel);
    const factor = load<f32>(pair, 4) * load<f32>(gamma + (<usize>channel << 2));
    const scale = f32x4.splat(factor);
    const shift = f32x4.splat(load<f32>(beta + (<usize>channel << 2)) - load<f32>(pair) * factor);
    const first = <usize>(plane * pixels) << 1;
    for (let i = 0; i < pixels; i += 4) {
      const at = first + (<usize>i << 1);
      const value = f32x4.add(f32x4.mul(load4(src + at, pixels - i), scale), shift);
      store4(dst + at, encode4(value), pixels - i);
    }
  }
}

/** dst = rstd × (gamma·dy − (sum + x̂·products)/M) as f32(scale × dy) − f32(f32(slope × x) + offset), each operation rounded. */
export function normGrad(part: i32, dst: usize, x: usize, dy: usize, statistics: usize, gamma: usize, sums: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const elements = <f32>int(M);
  const total = int(N) * channels;
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) {
    const sample = plane / channels;
    const channel = plane - sample * channels;
    const pair = statisticsAt(sample, channel);
    const rstd = load<f32>(statistics + pair, 4);
    const share = rstd / elements;
    const factor = share * load<f32>(sums + pair, 4) * rstd;
    const slope = f32x4.splat(factor);
    const offset = f32x4.splat(share * load<f32>(sums + pair) - factor * load<f32>(statistics + pair));
    const scale = f32x4.splat(rstd * load<f32>(gamma + (<usize>channel << 2)));
    const first = <usize>(plane * pixels) << 1;
    for (let i = 0; i < pixels; i += 4) {
      const at = first + (<usize>i << 1);
      const left = pixels - i;
      const shares = f32x4.add(f32x4.mul(slope, load4(x + at, left)), offset);
      store4(dst + at, encode4(f32x4.sub(f32x4.mul(scale, load4(dy + at, left)), shares)), left);
    }
  }
}
