import { BINARY, BINARY_OPS } from '../../../../ir/functions/binary.ts';
import { toHalfBits } from '../../../../ir/half.ts';
import type { Call } from './call.ts';
import { opOf } from './functions.ts';
import { once, read, type Semantics, times, updateWhere, write } from './semantics.ts';

const sizes = (call: Call): readonly [number, number, number, number] => [call.int('D0'), call.int('D1'), call.int('D2'), call.int('D3')];
const stridesA = (call: Call): readonly number[] => [call.int('A0'), call.int('A1'), call.int('A2'), call.int('A3')];
const stridesB = (call: Call): readonly number[] => [call.int('B0'), call.int('B1'), call.int('B2'), call.int('B3')];

const walked = (call: Call): number => sizes(call).reduce((a, b) => a * b, 1);
const elements = (call: Call): number => call.int('N') * walked(call);
const halves = (call: Call): number => 2 * elements(call);

/** Elements from the base of an operand to behind the last one that the walk reaches. */
function reach(call: Call, perSample: number, strides: readonly number[]): number {
  const last = sizes(call).reduce((sum, size, d) => sum + (size - 1) * (strides[d] ?? 0), 0);
  return (call.int('N') - 1) * perSample + last + 1;
}

const reachA = (call: Call): number => 2 * reach(call, call.int('ANS'), stridesA(call));
const reachB = (call: Call): number => (call.int('WIDE') === 0 ? 2 : 4) * reach(call, call.int('BNS'), stridesB(call));

/** b is as wide as WIDE says; its address is checked as that of halves, which an f32 operand must exceed. */
const readB = read(2, reachB);

/** Visits the walk of every sample: dense index, elements of a and b. */
function eachPair(call: Call, visit: (i: number, a: number, b: number) => void): void {
  const [d0, d1, d2, d3] = sizes(call);
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = stridesA(call);
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = stridesB(call);
  let i = 0;
  for (let n = 0; n < call.int('N'); n++) {
    const [fromA, fromB] = [n * call.int('ANS'), n * call.int('BNS')];
    for (let x = 0; x < d0; x++) {
      for (let y = 0; y < d1; y++) {
        for (let z = 0; z < d2; z++) {
          let a = fromA + x * a0 + y * a1 + z * a2;
          let b = fromB + x * b0 + y * b1 + z * b2;
          for (let w = 0; w < d3; w++, a += a3, b += b3) visit(i++, a, b);
        }
      }
    }
  }
}

const valueOfB = (call: Call, address: number): ((i: number) => number) => {
  if (call.int('WIDE') === 0) return (i) => call.half(address, i);
  if (address % 4 !== 0) call.outOfRange(`operand b at byte ${address} is not aligned to 4 bytes`);
  return (i) => call.single(address, i);
};

export const binary: Semantics<'v.binary'> = {
  uses: { dst: write(2, halves), a: read(2, reachA), b: readB },
  elements,
  passes: once,
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
  run: (call, dst: number, a: number, b: number, dy: number) => {
    const { byA, byB } = BINARY[opOf(call, BINARY_OPS)];
    const derivative = call.int('SIDE') === 0 ? byA : byB;
    const ofB = valueOfB(call, b);
    eachPair(call, (i, j, k) => {
      call.u16[dst / 2 + i] = toHalfBits(call.half(dy, i) * derivative(call.half(a, j), ofB(k)));
    });
  },
};

/** Position of `add` among the fields of v.sum_samples. */
const ADD = 2;

export const sumSamples: Semantics<'v.sum_samples'> = {
  uses: { dst: updateWhere(ADD, 4, (call) => 4 * call.int('COUNT')), src: read(2, halves) },
  elements,
  passes: once,
  run: (call, dst: number, src: number, add: number) => {
    const count = call.int('COUNT');
    if (reach(call, 0, stridesB(call)) > count) call.fault(`the sum has ${count} elements, the walk reaches beyond`);
    if (add === 0) call.f32.fill(0, dst / 4, dst / 4 + count);
    eachPair(call, (i, _a, b) => {
      call.setSingle(dst, b, call.single(dst, b) + call.half(src, i));
    });
  },
};
