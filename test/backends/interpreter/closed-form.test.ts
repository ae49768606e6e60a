import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import type { Machine } from '../../../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../../../backends/wavecore/machine/presets.ts';
import { SMALL } from '../assembler.ts';
import { closedForm, type Gemm, gemmProgram, machineFor, paddedGemm } from '../gemm.ts';

const WAVECORE = PRESETS.wavecore ?? SMALL;

function cyclesOf(gemm: Gemm, machine: Machine): number | undefined {
  const result = run(gemmProgram(gemm, machineFor(gemm, machine)), { mode: 'timing' });
  return result.layers.find(({ layer }) => layer === 'gemm')?.cycles;
}

/** A square or flat array whose ports move one row of the array a cycle, so that only its own cycles count. */
const machines = fc
  .record({ rows: fc.integer({ min: 1, max: 9 }), columns: fc.integer({ min: 1, max: 9 }), more: fc.integer({ min: 0, max: 9 }) })
  .map(({ rows, columns, more }): Machine => {
    const waveRows = columns + more;
    return {
      ...SMALL,
      array: { rows, columns, waveRows },
      buffers: { ...SMALL.buffers, aBytes: 2 * waveRows * rows, bBytes: 2 * rows * columns, accBytes: 4 * waveRows * columns },
      ports: { fillBytesPerCycle: 2 * rows, stationaryBytesPerCycle: 2 * columns, drainBytesPerCycle: 4 * columns },
      // The sequencer is never behind, however small the array.
      queueDepth: 16,
    };
  });

describe('a product that concatenates its folds takes the closed form of a weight-stationary array', () => {
  // What SCALE-Sim (v3, 128×128, weight-stationary) prints for these products: the index of the last cycle.
  it.each([
    [{ M: 100352, N: 64, K: 147 }, 201467],
    [{ M: 25088, N: 256, K: 64 }, 50939],
    [{ M: 6272, N: 128, K: 1152 }, 59885],
    [{ M: 1568, N: 512, K: 4608 }, 280799],
    [{ M: 64, N: 147, K: 100352 }, 699327],
  ])('%o: %i + 1 cycles', (gemm, printed) => {
    expect(closedForm(gemm, WAVECORE.array)).toBe(printed + 1);
    expect(cyclesOf(gemm, WAVECORE)).toBe(printed + 1);
  });

  it('for any shape on the default machine', () => {
    const shape = fc.record({
      M: fc.integer({ min: 1, max: 2000 }),
      N: fc.integer({ min: 1, max: 700 }),
      K: fc.integer({ min: 1, max: 900 }),
    });
    fc.assert(
      fc.property(shape, (gemm) => {
        expect(cyclesOf(gemm, WAVECORE)).toBe(closedForm(gemm, WAVECORE.array));
      }),
      { numRuns: 100 },
    );
  });

  it('computes the product', () => {
    const shape = fc.record({ M: fc.integer({ min: 1, max: 40 }), N: fc.integer({ min: 1, max: 20 }), K: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(shape, machines, (gemm, array) => {
        const { M, N, K } = paddedGemm(gemm, array.array);
        const A = Float64Array.from({ length: M * K }, (_, i) => (i % 7) - 3);
        const B = Float64Array.from({ length: K * N }, (_, i) => (i % 5) - 2);
        const inputs = new Map([
          ['A', A],
          ['B', B],
        ]);
        const { bytes } = run(gemmProgram(gemm, machineFor(gemm, array)), { mode: 'functional', inputs, kernels: 'plain' }).readTensor('C');
        const expected = Array.from({ length: M * N }, (_, i) => {
          const [m, n] = [Math.floor(i / N), i % N];
          return Array.from({ length: K }, (_, k) => (A[m * K + k] ?? 0) * (B[k * N + n] ?? 0)).reduce((sum, x) => sum + x, 0);
        });
        expect([...new Float32Array(bytes.buffer)]).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});
