/** Sub-batch sizes that take different numbers of iterations, the most samples first. */
export function subBatches(batch: number): number[] {
  const sizes = new Set<number>();
  for (let s = batch; s >= 1; s--) sizes.add(Math.ceil(batch / Math.ceil(batch / s)));
  return [...sizes];
}
