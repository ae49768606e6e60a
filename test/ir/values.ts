import { CONTROL_LENGTH, CONTROL_WORDS, type ControlWord } from '../../ir/layers/control.ts';
import type { Values } from '../../ir/layers/record.ts';

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Numbers in ±1 that differ by 1/count at least and keep away from 0, so that maximum and sign survive small changes. */
export function spread(count: number, seed: number): Values {
  const random = generator(seed);
  const values = Float64Array.from({ length: count }, (_, i) => (2 * (i + 0.5)) / count - 1 + (i * 2 + 1 >= count ? 0.01 : -0.01));
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j] ?? 0, values[i] ?? 0];
  }
  return values;
}

/** Largest |a − b| relative to the largest |b| (at least `floor`); infinite where lengths differ or either is NaN. */
export function difference(a: Values, b: Values, floor = 1e-3): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let scale = floor;
  let worst = 0;
  b.forEach((expected, i) => {
    const error = Math.abs((a[i] ?? Number.NaN) - expected);
    scale = Math.max(scale, Math.abs(expected));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  });
  return worst / scale;
}

/** A control tensor with these words, the others 0. */
export function controlOf(words: Partial<Record<ControlWord, number>>): Values {
  const control = new Float64Array(CONTROL_LENGTH);
  CONTROL_WORDS.forEach((word, i) => {
    control[i] = words[word] ?? 0;
  });
  return control;
}
