/** Mixes 32 bits so that each depends on all (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The seed of a layer in one training step; that of step 0 is the layer's own. */
export function seedOf(seed: number, step: number): number {
  return (seed + Math.imul(step, 0x9e3779b9)) | 0;
}

/**
 * Whether dropout keeps element `element` of sample `sample` (numbered in the mini-batch): probability 1 − ratio.
 *
 * A counter-based generator in 32-bit integers, so that the draw does not depend on the order of execution:
 * `u = mix(mix(mix(seed) + sample) + element)`, all modulo 2^32; kept where `u ≥ floor(f32(ratio)·2^32)`.
 */
export function keeps(seed: number, sample: number, element: number, ratio: number): boolean {
  const u = mix((mix((mix(seed | 0) + sample) | 0) + element) | 0);
  return u >= Math.floor(Math.fround(ratio) * 2 ** 32);
}
