import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { run } from '../../../backends/wavecore/index.ts';
import { conv, convGradData } from '../../../ir/layers/conv.ts';
import { convGradWeight } from '../../../ir/layers/conv-grad-weight.ts';
import { convGeometry } from '../../../ir/layers/convolution.ts';
import type { Values } from '../../../ir/layers/record.ts';
import { f16, f32 } from '../../../ir/layers/types.ts';
import { elementCount, type TensorType } from '../../../ir/tensor.ts';
import { DIFFERENTIABLE } from '../../ir/cases.ts';
import { generator } from '../../ir/values.ts';
import { SMALL } from '../assembler.ts';
import { dataGradientProduct, execute, forwardProduct, type Product, productProgram, weightGradientProduct } from '../product.ts';

/** Whole numbers in ±3, of which all sums here are exact in f16. */
function integers(count: number, seed: number): Values {
  const random = generator(seed);
  return Float64Array.from({ length: count }, () => Math.floor(random() * 7) - 3);
}

const plus0 = (values: Iterable<number>): number[] => [...values].map((v) => v + 0);

function matrixProduct(m: number, k: number, n: number): Product {
  const pixel = { P: 1, Q: 1, R: 1, S: 1, H: 1, W: 1, SH: 1, SW: 1, DH: 1, DW: 1, UH: 1, UW: 1 };
  const slots = { AM: m, AK: k, ...pixel, ASN: k, ASC: 1, BN: n, BKI: k, BSKI: n, BSN: 1, CMI: 1, CSMO: n, CSN: 1 };
  return { slots, moving: integers(m * k, m), stationary: integers(k * n, n), results: m * n };
}

describe('matrix unit', () => {
  it('multiplies matrices of any shape, block by block', () => {
    const extent = fc.integer({ min: 1, max: 19 });
    fc.assert(
      fc.property(extent, extent, extent, fc.constantFrom('plain' as const, 'wasm' as const), (m, k, n, kernels) => {
        const product = matrixProduct(m, k, n);
        const expected = Array.from({ length: m * n }, (_, i) => {
          let sum = 0;
          for (let j = 0; j < k; j++) sum += (product.moving[Math.floor(i / n) * k + j] ?? 0) * (product.stationary[j * n + (i % n)] ?? 0);
          return sum;
        });
        expect(plus0(execute(product, kernels))).toEqual(plus0(expected));
      }),
      { numRuns: 60 },
    );
  });

  it('counts multiply-accumulates, and the same in timing mode', () => {
    const product = matrixProduct(13, 9, 6);
    const program = productProgram(product);
    const inputs = new Map([
      ['moving', product.moving],
      ['stationary', product.stationary],
    ]);
    const functional = run(program, { mode: 'functional', inputs });
    const timing = run(program, { mode: 'timing' });
    expect(functional.macs).toBe(13 * 9 * 6);
    const { outputs: _a, readTensor: _b, mode: _c, ...counts } = functional;
    expect(timing).toMatchObject(counts);
  });

  it('convolves as the reference does: forward and both gradients, strides, padding, dilation', () => {
    const ungrouped = DIFFERENTIABLE.conv?.filter(({ attrs }) => attrs.groups === 1) ?? fc.constant(undefined);
    fc.assert(
      fc.property(ungrouped, fc.constantFrom('plain' as const, 'wasm' as const), (layer, kernels) => {
        if (layer === undefined) return;
        const { attrs } = layer;
        const [x, w, b] = layer.types as [TensorType, TensorType, TensorType | undefined];
        const g = convGeometry(x.shape, w.shape, attrs);
        const N = x.shape[0] ?? 1;
        const y = f16([N, g.K, g.P, g.Q]);
        const [xs, ws, dys] = [integers(elementCount(x.shape), 1), integers(elementCount(w.shape), 2), integers(elementCount(y.shape), 3)];
        const bs = b === undefined ? undefined : integers(g.K, 4);

        const forward = conv.reference(bs === undefined ? [xs, ws] : [xs, ws, bs], layer.types, attrs, [y]);
        expect(plus0(execute(forwardProduct(g, N, xs, ws, bs), kernels))).toEqual(plus0(forward[0] ?? []));

        const dataAttrs = { ...attrs, inputShape: x.shape.slice(1) };
        const data = convGradData.reference([ws, dys], [w, y], dataAttrs, [x]);
        expect(plus0(execute(dataGradientProduct(g, N, ws, dys), kernels))).toEqual(plus0(data[0] ?? []));

        const weightAttrs = { ...attrs, kernel: w.shape.slice(2) };
        const weight = convGradWeight.reference([xs, dys], [x, y], weightAttrs, [f32(w.shape)]);
        expect(plus0(execute(weightGradientProduct(g, N, xs, dys), kernels))).toEqual(plus0(weight[0] ?? []));
      }),
      { numRuns: 60 },
    );
  });

  it('adds f32 results to what is there', () => {
    const g = convGeometry([2, 3, 5, 5], [4, 3, 3, 3], { pads: [1, 1, 1, 1] });
    const [xs, dys] = [integers(2 * 75, 5), integers(2 * 100, 6)];
    const once = execute(weightGradientProduct(g, 2, xs, dys));
    expect(execute(weightGradientProduct(g, 2, xs, dys, true))).toEqual(once.map((v) => 2 * v));
  });

  it('rounds each sum to f32 in order of k, the wave before the accumulator', () => {
    // 2^24 + 1 − 2^24 in order gives 0; with k in blocks of 4 the second wave sums 1 + 1 first.
    const large = [4096, 1, 4096, 0, 1, 1, 0, 0];
    const factor = [4096, 1, -4096, 0, 1, 1, 0, 0];
    const product: Product = {
      ...matrixProduct(1, 8, 1),
      moving: Float64Array.from(large),
      stationary: Float64Array.from(factor),
      f32: true,
    };
    for (const kernels of ['plain', 'wasm'] as const) expect(execute(product, kernels)).toEqual([2]);
    const late: Product = {
      ...product,
      moving: Float64Array.from([4096, 0, 0, 0, 1, 1, 0, 0]),
      stationary: Float64Array.from([4096, 0, 0, 0, 1, 1, 0, 0]),
    };
    for (const kernels of ['plain', 'wasm'] as const) expect(execute(late, kernels)).toEqual([2 ** 24 + 2]);
  });

  it('works on arrays of any extent', () => {
    const machine = {
      ...SMALL,
      array: { rows: 5, columns: 6, waveRows: 7 },
      buffers: { ...SMALL.buffers, aBytes: 70, bBytes: 60, accBytes: 168 },
    };
    const product = matrixProduct(15, 12, 13);
    expect(execute(product, 'wasm', machine)).toEqual(execute(product, 'plain', SMALL));
  });
});
