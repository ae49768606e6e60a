import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConvGeometry, MatrixForm } from '../../ir/layers/record.ts';
import { arrayUse } from '../../passes/mbs/array-use.ts';
import { phasesOf } from '../../passes/mbs/axes.ts';
import type { MatrixWork } from '../../passes/mbs/network.ts';
import { blockRows, drainsInOrder, mapParts, reducePart, waveCycles } from '../../passes/mbs/shape.ts';

const ARRAY = { arrayRows: 128, arrayColumns: 128, waveRows: 256 };

/** A convolution as the scheduler sees it. */
function work(form: MatrixForm, g: Omit<ConvGeometry, 'P' | 'Q'>): MatrixWork {
  const length = (size: number, taps: number, stride: number, dilation: number, pad: number): number =>
    Math.floor((size + 2 * pad - dilation * (taps - 1) - 1) / stride) + 1;
  const P = length(g.H, g.R, g.strideH, g.dilationH, g.padTop);
  const Q = length(g.W, g.S, g.strideW, g.dilationW, g.padLeft);
  const geometry = { ...g, P, Q };
  const { groups } = g;
  const base = { form, geometry, groups, moving: 0, stationary: 1 };
  const taps = g.R * g.S;
  if (form === 'forward') return { ...base, m: P * Q, n: g.K / groups, columns: g.K, k: (g.C / groups) * taps };
  if (form === 'dataGradient') return { ...base, m: g.H * g.W, n: g.C / groups, columns: g.C, k: (g.K / groups) * taps };
  return { ...base, m: (g.C / groups) * taps, n: g.K / groups, columns: g.K, k: P * Q };
}

/** A square convolution that keeps the size of its image, but for the stride. */
function square(C: number, K: number, size: number, kernel: number, { stride = 1, groups = 1 } = {}): Omit<ConvGeometry, 'P' | 'Q'> {
  const pad = (kernel - 1) >> 1;
  const both = { R: kernel, S: kernel, H: size, W: size, strideH: stride, strideW: stride, padTop: pad, padLeft: pad };
  return { C, K, groups, dilationH: 1, dilationW: 1, ...both };
}

const small = (min: number, max: number) => fc.integer({ min, max });

describe('phases of a gradient', () => {
  it('meet every result once, each with exactly the outputs and taps that it reached', () => {
    const geometries = fc
      .record({ H: small(1, 9), W: small(1, 9), R: small(1, 4), S: small(1, 4), strideH: small(1, 4), strideW: small(1, 4) })
      .chain((g) =>
        fc
          .record({ dilationH: small(1, 3), dilationW: small(1, 3), padTop: small(0, 3), padLeft: small(0, 3) })
          .map((h) => ({ ...g, ...h })),
      );
    fc.assert(
      fc.property(geometries, (g) => {
        const { geometry, ...rest } = work('dataGradient', { C: 1, K: 1, groups: 1, ...g });
        const expected = new Set<string>();
        for (let p = -20; p < 20; p++)
          for (let q = -20; q < 20; q++)
            for (let r = 0; r < g.R; r++)
              for (let s = 0; s < g.S; s++) {
                const [y, x] = [p * g.strideH + r * g.dilationH - g.padTop, q * g.strideW + s * g.dilationW - g.padLeft];
                if (y >= 0 && y < g.H && x >= 0 && x < g.W) expected.add(`${y} ${x} ${p} ${q} ${r} ${s}`);
              }
        const found: string[] = [];
        const results: string[] = [];
        for (const { rows, columns } of phasesOf({ ...rest, geometry })) {
          for (let i = 0; i < rows.count; i++)
            for (let j = 0; j < columns.count; j++) {
              const [y, x] = [rows.first + i * rows.step, columns.first + j * columns.step];
              results.push(`${y} ${x}`);
              for (let t = 0; t < rows.taps; t++)
                for (let u = 0; u < columns.taps; u++) {
                  const p = i * rows.stride + t * rows.dilation - rows.pad;
                  const q = j * columns.stride + u * columns.dilation - columns.pad;
                  found.push(`${y} ${x} ${p} ${q} ${rows.tap + t * rows.tapStep} ${columns.tap + u * columns.tapStep}`);
                }
            }
        }
        expect(new Set(results).size).toBe(results.length);
        expect(results.length).toBe(g.H * g.W);
        expect(found.sort()).toEqual([...expected].sort());
      }),
      { numRuns: 150 },
    );
  });
});

describe('the shape of waves', () => {
  it('puts results of narrow layers beside each other, and channel groups into one wave', () => {
    expect(mapParts(work('forward', square(64, 64, 56, 3)), ARRAY)).toMatchObject([{ copies: 2, groups: 1, span: 4 }]);
    expect(mapParts(work('forward', square(128, 128, 28, 3)), ARRAY)).toMatchObject([{ copies: 1, groups: 1 }]);
    expect(mapParts(work('forward', square(256, 64, 56, 1)), ARRAY)).toMatchObject([{ copies: 1 }]);
    expect(reducePart(work('weightGradient', square(64, 64, 56, 3)), ARRAY)).toMatchObject({ copies: 2, taps: 2, span: 57 });
    const [depthwise] = mapParts(work('forward', square(96, 96, 112, 3, { groups: 96 })), ARRAY);
    expect((depthwise?.copies ?? 0) * (depthwise?.groups ?? 0)).toBeGreaterThan(16);
    expect(reducePart(work('weightGradient', square(96, 96, 112, 3, { groups: 96 })), ARRAY).groups).toBeGreaterThan(8);
  });

  it('computes a strided gradient with the taps that reach it', () => {
    const three = mapParts(work('dataGradient', square(128, 128, 56, 3, { stride: 2 })), ARRAY);
    expect(three.map(({ rows, columns }) => rows.taps * columns.taps)).toEqual([1, 2, 2, 4]);
    const one = mapParts(work('dataGradient', square(256, 512, 56, 1, { stride: 2 })), ARRAY);
    expect(one.map(({ rows, columns }) => rows.taps * columns.taps)).toEqual([1, 0, 0]);
  });

  it('takes waves that are nearly equal, and all outlast the loading of a block where there are rows enough', () => {
    fc.assert(
      fc.property(small(1, 5000), small(1, 300), (rows, reduction) => {
        const block = blockRows(ARRAY, rows);
        expect(block).toBeLessThanOrEqual(ARRAY.waveRows);
        expect(Math.ceil(rows / block)).toBe(Math.ceil(rows / ARRAY.waveRows));
        const last = rows % block || block;
        if (rows > ARRAY.waveRows) expect(block - last).toBeLessThanOrEqual(4 * Math.ceil(rows / block));
        expect(waveCycles(ARRAY, rows, reduction)).toBeGreaterThanOrEqual(rows);
        if (rows > 640) expect(waveCycles(ARRAY, rows, reduction)).toBe(rows);
      }),
    );
  });

  it('is explained: cycles, utilization, and what limits it', () => {
    // 64 → 64, 3 × 3: two results a row, 6 blocks of 128 in place of 5 for one.
    const narrow = arrayUse(work('forward', square(64, 64, 56, 3)), ARRAY, 32, 2);
    expect(narrow).toMatchObject({ cycles: (32 * 56 * 56 * 6) / 2, stationary: 'weights', copies: 2, limit: 'off' });
    expect(narrow.utilization).toBeCloseTo(0.75, 6);
    expect(arrayUse(work('forward', square(256, 256, 14, 1)), ARRAY, 32, 32)).toMatchObject({ utilization: 1, limit: 'none' });
    expect(arrayUse(work('forward', square(64, 256, 56, 1)), ARRAY, 32, 2).limit).toBe('reduction');
    expect(arrayUse(work('forward', square(256, 64, 56, 1)), ARRAY, 32, 2).limit).toBe('columns');
    expect(arrayUse(work('forward', square(512, 512, 7, 1)), ARRAY, 32, 1).limit).toBe('waves');
    expect(arrayUse(work('forward', square(768, 192, 16, 1)), ARRAY, 32, 2)).toMatchObject({ stationary: 'input', utilization: 1 });
    expect(arrayUse(work('weightGradient', square(768, 192, 16, 1)), ARRAY, 32, 2)).toMatchObject({ stationary: 'input', utilization: 1 });
    expect(arrayUse(work('dataGradient', square(128, 128, 56, 3, { stride: 2 })), ARRAY, 32, 2)).toMatchObject({
      phases: 4,
      limit: 'none',
    });
  });
});

describe('results drain in the order of memory', () => {
  it.each([
    ['without packing', square(256, 256, 14, 3), true],
    ['where copies share a block of columns', square(64, 64, 56, 3), true],
    ['but not where copies take several', square(3, 96, 12, 7), false],
  ])('%s', (_what, geometry, expected) => {
    expect(drainsInOrder(work('forward', geometry), ARRAY)).toBe(expected);
  });
});
