import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HALVES, halfBits } from '../../../backends/wavecore/interpreter/half.ts';
import type { Kernels } from '../../../backends/wavecore/interpreter/kernels/kernels.ts';
import { PlainKernels } from '../../../backends/wavecore/interpreter/kernels/plain.ts';
import { hasWasm, WasmKernels } from '../../../backends/wavecore/interpreter/kernels/wasm.ts';
import { areResultsApart } from '../../../backends/wavecore/interpreter/matrix-levels.ts';
import { MATRIX_SLOTS, type MatrixSlot } from '../../../backends/wavecore/isa/slots.ts';
import type { Machine } from '../../../backends/wavecore/machine/machine.ts';
import { fromHalfBits, toHalfBits } from '../../../ir/half.ts';
import { generator } from '../../ir/values.ts';
import { SMALL } from '../assembler.ts';

const machine: Machine = { ...SMALL, array: { rows: 20, columns: 18, waveRows: 21 }, buffers: { ...SMALL.buffers, globalBytes: 131072 } };
const NO_SLOTS = Object.fromEntries(MATRIX_SLOTS.map((slot) => [slot, 0])) as Record<MatrixSlot, number>;
const RESULT = 16384;
const TOTALS = 98304;
/** Everything, so that nothing is put off past an access. */
const ALL = { from: 0, to: machine.buffers.globalBytes };

function configure(kernels: Kernels, slots: Partial<Record<MatrixSlot, number>>): void {
  MATRIX_SLOTS.forEach((name, i) => {
    kernels.configure(i, slots[name] ?? 0);
  });
}

/** Half bits of every class: ordinary, subnormal, huge, zeros, infinities, NaNs with payloads. */
function anyHalf(random: () => number, exotic: boolean): number {
  const bits = Math.floor(random() * 65536);
  if (!exotic) return (bits & 0x83ff) | (0x2c00 + (Math.floor(random() * 6) << 10));
  return random() < 0.3 ? bits & 0x83ff : bits;
}

function prepared(seed: number, exotic: boolean): [Kernels, Kernels] {
  const random = generator(seed);
  const halves = Uint16Array.from({ length: machine.buffers.globalBytes / 2 }, () => anyHalf(random, exotic));
  const both: [Kernels, Kernels] = [new PlainKernels(machine), new WasmKernels(machine)];
  for (const kernels of both) new Uint16Array(kernels.memory, 0, halves.length).set(halves);
  return both;
}

const small = (max: number, min = 1) => fc.integer({ min, max });
const cases = fc.record({
  seed: fc.integer(),
  exotic: fc.boolean(),
  byTap: fc.boolean(),
  image: fc.record({ H: small(7), W: small(7), P: small(6), Q: small(7), R: small(3), S: small(3) }),
  steps: fc.record({
    SH: small(3),
    SW: small(3),
    DH: small(2),
    DW: small(2),
    PT: small(3, -2),
    PL: small(3, -2),
    UH: small(2),
    UW: small(2),
  }),
  direct: fc.boolean(),
  block: fc.record({ rows: small(21), depth: small(20), columns: small(18), m0: small(15, 0), k0: small(15, 0), n0: small(5, 0) }),
  BKI: small(9),
  BSKI: fc.constantFrom(1, -1, 3),
  CMI: small(9),
  CSMI: fc.constantFrom(1, 1, 2),
  packed: fc.option(
    fc.record({
      BKM: small(3, 0),
      BSKM: small(9),
      BNI: small(7, 0),
      BSNO: small(3, -3),
      BGN: small(3, 0),
      BSNG: small(5, 0),
      BW: small(4, -1),
      BWS: small(2),
      BGK: small(6, 0),
      CMM: small(3, 0),
      CSMM: fc.constantFrom(20, 40),
      CNI: fc.constantFrom(0, 6, 7, 9),
      CSNO: fc.constantFrom(1, 8000),
      CW: small(9, 0),
      CGM: small(6),
      CGN: small(3, 0),
      X: fc.constantFrom(0, 0, 1),
    }),
    { nil: {} },
  ),
  f32: fc.boolean(),
  add: fc.boolean(),
  zeros: fc.boolean(),
  bias: fc.boolean(),
  sums: fc.boolean(),
  TMI: small(9),
});

describe('kernels', () => {
  it('exist in WebAssembly here', () => {
    expect(hasWasm()).toBe(true);
  });

  it('give the same bits, plain and WebAssembly', () => {
    fc.assert(
      fc.property(cases, (drawn) => {
        const { seed, exotic, byTap, image, steps, direct, block, BKI, BSKI, CMI, CSMI, packed, f32, add, zeros, bias, sums, TMI } = drawn;
        const { rows, depth, columns, m0, k0, n0 } = block;
        const unshifted = { SH: 1, SW: 1, DH: 1, DW: 1, PT: 0, PL: 0, UH: 1, UW: 1 };
        const patches = direct ? { ...image, Q: image.W, P: image.H, ...unshifted } : { ...image, ...steps };
        const slots = {
          ...patches,
          AT: byTap ? 1 : 0,
          ASN: 60,
          ASC: 50,
          BKI,
          BSKO: 40,
          BSKI,
          BSN: 7,
          CMI,
          CSMO: 20,
          CSMI,
          CSN: 741,
          TMI,
          TSMO: 40,
          ...packed,
          ...('X' in packed && packed.X === 1 ? { BW: 0, BGK: 0 } : {}),
        };
        // The order of writing is nobody's business where no two results meet.
        const levels = { ...NO_SLOTS, ...slots };
        fc.pre(areResultsApart(levels, m0, rows, n0, columns));
        const [a, b] = prepared(seed, exotic);
        for (const kernels of [a, b]) {
          configure(kernels, slots);
          const state = sums && !f32 ? TOTALS : -1;
          const target = {
            base: RESULT,
            m0,
            n0,
            rows,
            columns,
            blockRows: machine.array.waveRows,
            bias: bias ? 512 : -1,
            biases: ALL,
            f32,
            add: f32 && add,
            zeros: !sums && zeros,
            state,
            span: ALL,
            apart: false,
          };
          kernels.fill(0, 2048, m0, k0, rows, depth, ALL);
          kernels.load(1, 2048, k0, n0, depth, columns, ALL);
          kernels.multiply(0, 1, 0, rows, depth, columns, true);
          kernels.fill(1, 1024, k0, m0, rows, depth, ALL);
          kernels.multiply(1, 1, 0, rows, depth, columns, false);
          kernels.drain(0, target);
          kernels.settle(ALL.from, ALL.to);
        }
        const bytes = (kernels: Kernels): Uint8Array => new Uint8Array(kernels.memory, 0, machine.buffers.globalBytes);
        expect(Buffer.compare(bytes(a), bytes(b))).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});

describe('half conversion', () => {
  it('decodes every pattern', () => {
    const wrong = Array.from(HALVES, (value, bits) => (Object.is(value, fromHalfBits(bits)) ? -1 : bits)).filter((bits) => bits >= 0);
    expect(wrong).toEqual([]);
  });

  it('rounds f32 values as the exact routine does', () => {
    const special = [
      0,
      -0,
      65504,
      65519.996,
      65520,
      65536,
      2 ** -24,
      2 ** -25,
      2 ** -25 * (1 + 2 ** -23),
      3 * 2 ** -25,
      2 ** -14,
      2 ** -14 - 2 ** -25,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ];
    for (const value of special) {
      expect(halfBits(Math.fround(value))).toBe(toHalfBits(Math.fround(value)));
      expect(halfBits(-Math.fround(value))).toBe(toHalfBits(-Math.fround(value)));
    }
    // Rounded to f32 this is halfway between two subnormal halves, and then to the even one.
    const almost = 2 ** -24 + 2 ** -25 + 2 ** -60;
    expect(halfBits(almost)).toBe(toHalfBits(Math.fround(almost)));
    const float = new Float32Array(1);
    const word = new Uint32Array(float.buffer);
    fc.assert(
      fc.property(fc.oneof(fc.nat({ max: 0xffffffff }), fc.integer({ min: 0x33000000, max: 0x47900000 })), (pattern) => {
        word[0] = pattern;
        expect(halfBits(float[0] ?? 0)).toBe(toHalfBits(float[0] ?? 0));
      }),
      { numRuns: 3000 },
    );
  });
});
