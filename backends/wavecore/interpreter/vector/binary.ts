import { BINARY, BINARY_OPS } from '../../../../ir/functions/binary.ts';
import { toHalfBits } from '../../../../ir/half.ts';
import type { VectorSlot } from '../../isa/slots.ts';
import type { Call } from './call.ts';
import { knownOp, opOf } from './functions.ts';
import { type Need, once, read, type Semantics, times, updateWhere, write } from './semantics.ts';
import { product, type Size, sum } from './size.ts';

const SIZES = ['D0', 'D1', 'D2', 'D3'] as const;
const STRIDES_A = ['A0', 'A1', 'A2', 'A3'] as const;
const STRIDES_B = ['B0', 'B1', 'B2', 'B3'] as const;

const sizes = (call: Call): readonly [number, number, number, number] => [call.int('D0'), call.int('D1'), call.int('D2'), call.int('D3')];
const stridesA = (call: Call): readonly number[] => [call.int('A0'), call.int('A1'), call.int('A2'), call.int('A3')];
const stridesB = (call: Call): readonly number[] => [call.int('B0'), call.int('B1'), call.int('B2'), call.int('B3')];

const walked: Size = product('D0', 'D1', 'D2', 'D3');
const elements: Size = product('N', walked);
const halves: Size = product(2, elements);

/** Elements from the base of an operand to behind the last one that the walk reaches. */
function reach(perSample: VectorSlot | 0, strides: readonly VectorSlot[]): Size {
  const steps = SIZES.map((size, d) => product(sum(size, -1), strides[d] ?? 0));
  return sum(...(perSample === 0 ? [] : [product(sum('N', -1), perSample)]), ...steps, 1);
}

const reachA: Size = product(2, reach('ANS', STRIDES_A));
const reachB: Size = product('BBYTES', reach('BNS', STRIDES_B));
const reachSum: Size = reach(0, STRIDES_B);

const BINARY_SLOTS = ['OP'] as const;
const OP_IS_KNOWN = knownOp(BINARY_OPS);
const WIDTH: Need = { text: 'BBYTES is 2 or 4', holds: (call) => call.int('BBYTES') === 2 || call.int('BBYTES') === 4 };

/** b is as wide as BBYTES says; its address is checked as that of halves, which an f32 operand must exceed. */
const readB = read(2, reachB);

/** Visits the walk of every sample: dense index, and the element of an operand with these strides. */
function eachStep(call: Call, perSample: number, strides: readonly number[], visit: (i: number, element: number) => void): void {
  const [d0, d1, d2, d3] = sizes(call);
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = strides;
  let i = 0;
  for (let n = 0; n < call.int('N'); n++) {
    for (let x = 0; x < d0; x++) {
      for (let y = 0; y < d1; y++) {
        for (let z = 0; z < d2; z++) {
          let element = n * perSample + x * s0 + y * s1 + z * s2;
          for (let w = 0; w < d3; w++, element += s3) visit(i++, element);
        }
      }
    }
  }
}

/** Visits the walk of every sample: dense index, elements of a and b. */
function eachPair(call: Call, visit: (i: number, a: number, b: number) => void): void {
  const ofB = new Int32Array(elements(call));
  eachStep(call, call.int('BNS'), stridesB(call), (i, element) => {
    ofB[i] = element;
  });
  eachStep(call, call.int('ANS'), stridesA(call), (i, element) => visit(i, element, ofB[i] ?? 0));
}

const valueOfB = (call: Call, address: number): ((i: number) => number) => {
  if (call.int('BBYTES') === 2) return (i) => call.half(address, i);
  if (address % 4 !== 0) call.outOfRange(`operand b at byte ${address} is not aligned to 4 bytes`);
  return (i) => call.single(address, i);
};

export const binary: Semantics<'v.binary'> = {
  uses: { dst: write(2, halves), a: read(2, reachA), b: readB },
  elements,
  passes: once,
  slots: BINARY_SLOTS,
  needs: [OP_IS_KNOWN, WIDTH],
  run: (call, dst: number, a: number, b: number) => {
    const { value } = BINARY[opOf(call, BINARY_OPS)];
    const ofB = valueOfB(call, b);
    eachPair(call, (i, j, k) => {
      call.u16[dst / 2 + i] = toHalfBits(value(call.half(a, j), ofB(k)));
    });
  },
};

export const binaryGrad: Semantics<'v.binary_grad'> = {
  uses: { dst: write(2, halves), a: read(2, reachA), b: readB, dy: read(2, halves) },
  elements,
  passes: times(2),
  slots: [...BINARY_SLOTS, 'SIDE'],
  needs: [OP_IS_KNOWN, WIDTH],
  run: (call, dst: number, a: number, b: number, dy: number) => {
    const { byA, byB } = BINARY[opOf(call, BINARY_OPS)];
    const derivative = call.int('SIDE') === 0 ? byA : byB;
    const ofB = valueOfB(call, b);
    eachPair(call, (i, j, k) => {
      call.u16[dst / 2 + i] = toHalfBits(call.half(dy, i) * derivative(call.half(a, j), ofB(k)));
    });
  },
};

export const sumSamples: Semantics<'v.sum_samples'> = {
  uses: { dst: updateWhere('v.sum_samples', 'add', 4, product(4, reachSum)), src: read(2, halves) },
  elements,
  passes: once,
  slots: [],
  run: (call, dst: number, src: number, add: number) => {
    const count = reachSum(call);
    if (add === 0) call.f32.fill(0, dst / 4, dst / 4 + count);
    eachStep(call, 0, stridesB(call), (i, b) => {
      call.setSingle(dst, b, call.single(dst, b) + call.half(src, i));
    });
  },
};
