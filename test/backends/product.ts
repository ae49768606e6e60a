import type { RunOptions } from '../../backends/wavecore/index.ts';
import { run } from '../../backends/wavecore/index.ts';
import type { MatrixSlot } from '../../backends/wavecore/isa/slots.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import { fromHalfBits } from '../../ir/half.ts';
import type { ConvGeometry, Values } from '../../ir/layers/record.ts';
import { Assembler, SMALL } from './assembler.ts';

/** One matrix product on operands in DRAM, described for the matrix unit. */
export interface Product {
  readonly slots: Partial<Record<MatrixSlot, number>> & { readonly AM: number; readonly AK: number; readonly BN: number };
  readonly moving: Values;
  readonly stationary: Values;
  readonly bias?: Values;
  /** Bytes from the start of the stationary operand to its element (0, 0). */
  readonly stationaryOffset?: number;
  readonly results: number;
  /** f32 results; `add` runs the product twice, the second adding to the first. */
  readonly f32?: boolean;
  readonly add?: boolean;
}

/** Program of a product: operands in, blocks of the array in all three dimensions with alternating halves, result out. */
export function productProgram(product: Product, machine: Machine = SMALL) {
  const a = new Assembler(machine);
  const { slots, moving, stationary, bias, results, f32 = false, add = false } = product;
  const half = (count: number) => ({ dtype: 'f16' as const, shape: [count] });
  const single = (count: number) => ({ dtype: 'f32' as const, shape: [count] });
  const A = a.tensor('moving', half(moving.length), { role: 'input' });
  const B = a.tensor('stationary', half(stationary.length), { role: 'input' });
  const C = a.tensor('result', f32 ? single(results) : half(results), { role: 'output' });
  const place = (bytes: number): number => {
    const at = next;
    next = Math.ceil((next + bytes) / 8) * 8;
    return at;
  };
  let next = 8;
  const at = {
    moving: place(moving.length * 2),
    stationary: place(stationary.length * 2),
    bias: place((bias?.length ?? 0) * 4),
    result: place(results * 4),
  };
  const resultBytes = results * (f32 ? 4 : 2);
  a.move('d.ld', A, at.moving, moving.length * 2, { signal: [1] }).move('d.ld', B, at.stationary, stationary.length * 2, { signal: [2] });
  a.op('m.sync', {}, { wait: [1, 2] });
  if (bias !== undefined) {
    const address = a.tensor('bias', single(bias.length), { role: 'input' });
    a.move('d.ld', address, at.bias, bias.length * 4, { signal: [3] }).op('m.sync', {}, { wait: [3] });
  }
  a.matrix({ ...slots, BK: slots.AK });
  a.set(1, at.moving)
    .set(2, at.stationary + (product.stationaryOffset ?? 0))
    .set(3, at.result)
    .set(4, at.bias)
    .set(5, 0)
    .set(6, 0);
  const { rows, columns, waveRows } = machine.array;
  const blocks = (rd: number, count: number, step: number, body: () => void): void => {
    a.op('loop', { rd, count: Math.ceil(count / step), step });
    body();
    a.op('end', {});
  };
  blocks(10, add ? 2 : 1, 1, () =>
    blocks(11, slots.AM, waveRows, () =>
      blocks(12, slots.BN, columns, () => {
        blocks(13, slots.AK, rows, () => {
          a.op('m.lda', { half: 5, base: 1, m0: 11, k0: 13 }).op('m.ldb', { half: 5, base: 2, k0: 13, n0: 12 });
          a.op('m.mul', { a: 5, b: 5, c: 6, first: 13 }).op('la', { rd: 5, rs: 5, scale: 1, base: 1 });
        });
        const withBias = bias === undefined ? 0 : 1;
        a.op('m.st', { c: 6, base: 3, m0: 11, n0: 12, bias: 4, withBias, f32: f32 ? 1 : 0, add: f32 ? 10 : 0, zeros: 0 }).op('la', {
          rd: 6,
          rs: 6,
          scale: 1,
          base: 1,
        });
      }),
    ),
  );
  a.op('m.sync', {}, { signal: [4] }).move('d.st', C, at.result, resultBytes, { wait: [4] });
  return a.program();
}

/** The numbers that a product leaves in its result. */
export function execute(product: Product, kernels: RunOptions['kernels'] = 'wasm', machine?: Machine): number[] {
  const { moving, stationary, bias } = product;
  const inputs = new Map([
    ['moving', moving],
    ['stationary', stationary],
  ]);
  if (bias !== undefined) inputs.set('bias', bias);
  const { bytes } = run(productProgram(product, machine), { mode: 'functional', inputs, kernels }).readTensor('result');
  return product.f32 === true ? [...new Float32Array(bytes.buffer)] : [...new Uint16Array(bytes.buffer)].map(fromHalfBits);
}

/** Patch descriptor of N images [C][H][W] under a convolution: rows are output pixels, the reduction runs over (c, r, s). */
export function imagePatches(g: ConvGeometry): Partial<Record<MatrixSlot, number>> {
  return {
    P: g.P,
    Q: g.Q,
    R: g.R,
    S: g.S,
    H: g.H,
    W: g.W,
    SH: g.strideH,
    SW: g.strideW,
    DH: g.dilationH,
    DW: g.dilationW,
    PT: g.padTop,
    PL: g.padLeft,
    UH: 1,
    UW: 1,
    ASN: g.C * g.H * g.W,
    ASC: g.H * g.W,
  };
}

/** y = conv(x, w): columns are output channels. */
export function forwardProduct(g: ConvGeometry, samples: number, x: Values, w: Values, bias?: Values): Product {
  const [pixels, taps] = [g.P * g.Q, g.C * g.R * g.S];
  const slots = {
    AM: samples * pixels,
    AK: taps,
    AT: 0,
    ...imagePatches(g),
    BN: g.K,
    BKI: taps,
    BSKO: 0,
    BSKI: 1,
    BSN: taps,
    CMI: pixels,
    CSMO: g.K * pixels,
    CSMI: 1,
    CSN: pixels,
  };
  return { slots, moving: x, stationary: w, results: samples * g.K * pixels, ...(bias === undefined ? {} : { bias }) };
}

/** dx: a convolution of dy, spread by the stride, with the filter turned by 180°; columns are input channels. */
export function dataGradientProduct(g: ConvGeometry, samples: number, w: Values, dy: Values): Product {
  const [pixels, taps] = [g.H * g.W, g.R * g.S];
  const patches = {
    P: g.H,
    Q: g.W,
    R: g.R,
    S: g.S,
    H: g.P,
    W: g.Q,
    SH: 1,
    SW: 1,
    DH: g.dilationH,
    DW: g.dilationW,
    PT: (g.R - 1) * g.dilationH - g.padTop,
    PL: (g.S - 1) * g.dilationW - g.padLeft,
    UH: g.strideH,
    UW: g.strideW,
    ASN: g.K * g.P * g.Q,
    ASC: g.P * g.Q,
  };
  const stationary = { BN: g.C, BKI: taps, BSKO: g.C * taps, BSKI: -1, BSN: taps };
  const slots = {
    AM: samples * pixels,
    AK: g.K * taps,
    AT: 0,
    ...patches,
    ...stationary,
    CMI: pixels,
    CSMO: g.C * pixels,
    CSMI: 1,
    CSN: pixels,
  };
  return { slots, moving: dy, stationary: w, stationaryOffset: (taps - 1) * 2, results: samples * g.C * pixels };
}

/** dw in f32: rows are taps, the reduction runs over output pixels; columns are output channels. */
export function weightGradientProduct(g: ConvGeometry, samples: number, x: Values, dy: Values, add = false): Product {
  const [pixels, taps] = [g.P * g.Q, g.C * g.R * g.S];
  const stationary = { BN: g.K, BKI: pixels, BSKO: g.K * pixels, BSKI: 1, BSN: pixels };
  const slots = { AM: taps, AK: samples * pixels, AT: 1, ...imagePatches(g), ...stationary, CMI: taps, CSMO: 0, CSMI: 1, CSN: taps };
  return { slots, moving: x, stationary: dy, results: g.K * taps, f32: true, add };
}
