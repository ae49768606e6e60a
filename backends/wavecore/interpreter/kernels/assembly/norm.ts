import { rectify, rectify8 } from './elementwise';
import { encode4 } from './half';
import { load4, masked4, NONE, store4 } from './lanes';
import { firstOf } from './layout';
import { C, CROSS, GROUPS, H, int, M, N, W } from './vector-slots';

/** Bytes from the first f32 pair to that of the group of a channel of a sample. */
export function statisticsAt(sample: i32, channel: i32): usize {
  const groups = int(GROUPS);
  const set = int(CROSS) != 0 ? 0 : sample * groups;
  return <usize>(set + <i32>((<i64>channel * groups) / int(C))) << 3;
}

/** Stores f16(f32(src × scale) + shift) of `pixels` halves. */
function normalize(dst: usize, src: usize, pixels: i32, scale: v128, shift: v128): void {
  for (let i = 0; i < pixels; i += 4) {
    const at = <usize>i << 1;
    const value = f32x4.add(f32x4.mul(load4(src + at, pixels - i), scale), shift);
    store4(dst + at, encode4(value), pixels - i);
  }
}

/** dst = f32(src × scale) + shift, scale = rstd × gamma, shift = beta − mean × scale, each operation rounded. */
export function norm(part: i32, dst: usize, src: usize, statistics: usize, gamma: usize, beta: usize): void {
  const total = int(N) * int(C);
  const end = firstOf(total, part + 1);
  for (let plane = firstOf(total, part); plane < end; plane++) normPlane(plane, dst, src, statistics, gamma, beta);
}

/** The same of one plane. */
function normPlane(plane: i32, dst: usize, src: usize, statistics: usize, gamma: usize, beta: usize): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const sample = plane / channels;
  const channel = plane - sample * channels;
  const pair = statistics + statisticsAt(sample, channel);
  const factor = load<f32>(pair, 4) * load<f32>(gamma + (<usize>channel << 2));
  const scale = f32x4.splat(factor);
  const shift = f32x4.splat(load<f32>(beta + (<usize>channel << 2)) - load<f32>(pair) * factor);
  const first = <usize>(plane * pixels) << 1;
  normalize(dst + first, src + first, pixels, scale, shift);
}

/**
 * The same, then dst = s > 0 or NaN ? s : +0, and the mask of what is above 0. Cut by eight channels of a sample, which begin on a byte of its mask.
 */
export function normRelu(
  part: i32,
  dst: usize,
  mask: usize,
  src: usize,
  statistics: usize,
  gamma: usize,
  beta: usize,
  withMask: bool,
): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const octets = (channels + 7) >> 3;
  const stride = (channels * pixels + 7) >> 3;
  const total = int(N) * octets;
  const end = firstOf(total, part + 1);
  for (let octet = firstOf(total, part); octet < end; octet++) {
    const sample = octet / octets;
    const channel = (octet - sample * octets) << 3;
    const count = min(8, channels - channel);
    const plane = sample * channels + channel;
    for (let i = 0; i < count; i++) normPlane(plane + i, dst, src, statistics, gamma, beta);
    rectifyAll(
      dst + (<usize>(plane * pixels) << 1),
      count * pixels,
      withMask ? mask + sample * stride + ((channel * pixels) >> 3) : NONE,
    );
  }
}

/** Rectifies `count` halves where they are, and writes their mask from the first bit of a byte on. */
function rectifyAll(at: usize, count: i32, mask: usize): void {
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const bits = rectify8(at + (<usize>i << 1), v128.load(at + (<usize>i << 1)));
    if (mask != NONE) store<u8>(mask + (i >> 3), bits);
  }
  if (i == count) return;
  let bits: u32 = 0;
  for (let j = i; j < count; j++) bits |= rectify(at + (<usize>j << 1), load<u16>(at + (<usize>j << 1))) << (j - i);
  if (mask != NONE) store<u8>(mask + (i >> 3), bits);
}

/** dst = rstd × (gamma·dy − (sum + x̂·products)/M) as f32(scale × dy) − f32(f32(slope × x) + offset), each operation rounded; dy masked, if there is a mask. */
export function normGrad(
  part: i32,
  dst: usize,
  x: usize,
  dy: usize,
  mask: usize,
  statistics: usize,
  gamma: usize,
  sums: usize,
): void {
  const channels = int(C);
  const pixels = int(H) * int(W);
  const elements = <f32>int(M);
  const maskBytes = (channels * pixels + 7) >> 3;
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
    const bit = channel * pixels;
    const bits = mask == NONE ? NONE : mask + sample * maskBytes;
    for (let i = 0; i < pixels; i += 4) {
      const at = first + (<usize>i << 1);
      const left = pixels - i;
      const shares = f32x4.add(f32x4.mul(slope, load4(x + at, left)), offset);
      store4(dst + at, encode4(f32x4.sub(f32x4.mul(scale, masked4(dy + at, bits, bit + i, left)), shares)), left);
    }
  }
}
