/**
 * One wave: for every row m and column n, s = Σ_k a[m][k]·b[k][n] in order of k from +0, one f32 rounding for each product and
 * addition; then c = s, or c + s. Rows of `a` are `strideA` apart, rows of `b` and `c` are `strideN` apart.
 */
export interface WaveKernel {
  readonly name: string;
  /** Memory that holds all operands, so that a kernel in WebAssembly reaches them; addresses below are bytes in it. */
  readonly memory: ArrayBufferLike;
  wave(a: number, b: number, c: number, m: number, k: number, n: number, strideA: number, strideN: number, accumulate: boolean): void;
}

/** The obvious loop: slow, and the oracle of the fast kernels. */
export function plainKernel(bytes: number): WaveKernel {
  const memory = new ArrayBuffer(bytes);
  const f = new Float32Array(memory);
  const row = new Float32Array(1024);
  return {
    name: 'plain',
    memory,
    wave: (a, b, c, m, k, n, strideA, strideN, accumulate) => {
      const [fromA, fromB, fromC] = [a >> 2, b >> 2, c >> 2];
      for (let i = 0; i < m; i++) {
        row.fill(0, 0, n);
        for (let j = 0; j < k; j++) {
          const x = f[fromA + i * strideA + j] ?? 0;
          const at = fromB + j * strideN;
          for (let q = 0; q < n; q++) row[q] = (row[q] ?? 0) + Math.fround(x * (f[at + q] ?? 0));
        }
        const to = fromC + i * strideN;
        for (let q = 0; q < n; q++) f[to + q] = accumulate ? (f[to + q] ?? 0) + (row[q] ?? 0) : (row[q] ?? 0);
      }
    },
  };
}
