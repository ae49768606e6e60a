/** A number that is affine in loop counters, which run 0, 1, 2, … : `base + Σ scale × counter`. Counters are numbered from the outermost loop. */
export interface AffineValue {
  readonly base: number;
  /** By counter; those that are 0 are left out. */
  readonly scales: ReadonlyMap<number, number>;
}

export function constantValue(base: number): AffineValue {
  return { base, scales: new Map() };
}

/** `a + b × factor`. */
export function addScaled(a: AffineValue, b: AffineValue, factor: number): AffineValue {
  const scales = new Map(a.scales);
  for (const [counter, scale] of b.scales) {
    const sum = (scales.get(counter) ?? 0) + scale * factor;
    if (sum === 0) scales.delete(counter);
    else scales.set(counter, sum);
  }
  return { base: a.base + b.base * factor, scales };
}
