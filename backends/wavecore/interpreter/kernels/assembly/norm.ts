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

/** x̂ = f32(f32(x − mean) × rstd), with mean and rstd in all lanes. */
export function normalized(x: v128, mean: v128, rstd: v128): v128 {
  return f32x4.mul(f32x4.sub(x, mean), rstd);
}

/** dst = f32(x̂ × gamma) + beta. */
export function norm(part: i32, dst: usize, src: usize, statistics: usize, gamma: usize, beta: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const total = int(N) * channels;
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) {
    const sample = plane / channels;
    const channel = plane - sample * channels;
    const pair = statistics + statisticsAt(sample, channel);
    const mean = v128.load_splat<f32>(pair);
    const rstd = v128.load_splat<f32>(pair, 4);
    const scale = v128.load_splat<f32>(gamma + (<usize>channel << 2));
    const shift = v128.load_splat<f32>(beta + (<usize>channel << 2));
    const first = <usize>(plane * pixels) << 1;
    for (let i = 0; i < pixels; i += 4) {
      const at = first + (<usize>i << 1);
      const value = f32x4.add(f32x4.mul(normalized(load4(src + at, pixels - i), mean, rstd), scale), shift);
      store4(dst + at, encode4(value), pixels - i);
    }
  }
}

/** dst = rstd × (gamma·dy − (sum + x̂·products)/M), each operation rounded. */
export function normGrad(part: i32, dst: usize, x: usize, dy: usize, statistics: usize, gamma: usize, sums: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const elements = f32x4.splat(<f32>int(M));
  const total = int(N) * channels;
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) {
    const sample = plane / channels;
    const channel = plane - sample * channels;
    const pair = statisticsAt(sample, channel);
    const mean = v128.load_splat<f32>(statistics + pair);
    const rstd = v128.load_splat<f32>(statistics + pair, 4);
    const sum = v128.load_splat<f32>(sums + pair);
    const products = v128.load_splat<f32>(sums + pair, 4);
    const scale = v128.load_splat<f32>(gamma + (<usize>channel << 2));
    const first = <usize>(plane * pixels) << 1;
    for (let i = 0; i < pixels; i += 4) {
      const at = first + (<usize>i << 1);
      const left = pixels - i;
      const share = f32x4.div(f32x4.add(sum, f32x4.mul(normalized(load4(x + at, left), mean, rstd), products)), elements);
      const gradient = f32x4.mul(scale, load4(dy + at, left));
      store4(dst + at, encode4(f32x4.mul(rstd, f32x4.sub(gradient, share))), left);
    }
  }
}
