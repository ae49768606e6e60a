import { BINARY, BINARY_OPS } from '../../../../ir/functions/binary.ts';
import { toHalfBits } from '../../../../ir/half.ts';
import { fieldIndex } from '../../isa/layout.ts';
import type { VectorSlot } from '../../isa/slots.ts';
import type { Call } from './call.ts';
import { numbersOneOf, opOf } from './functions.ts';
import { type Need, once, read, type Semantics, times, updateWhere, write } from './semantics.ts';
import { product, type Size, size } from './size.ts';

const SIZES = ['D0', 'D1', 'D2', 'D3'] as const;
const STRIDES_A = ['A0', 'A1', 'A2', 'A3'] as const;
const STRIDES_B = ['B0', 'B1', 'B2', 'B3'] as const;
type Quad<T> = readonly [T, T, T, T];
const numbers = (call: Call, [a, b, c, d]: Quad<VectorSlot>): Quad<number> => [call.int(a), call.int(b), call.int(c), call.int(d)];

const elements = product('N', ...SIZES);
const halves = product(2, elements);

/** Elements from the base of an operand to behind the last one that the walk of one sample reaches. */
const walked = (strides: Quad<VectorSlot>): Size =>
  size(`(1 + Σ (D_k − 1) × ${strides[0][0]}_k)`, [...SIZES, ...strides], (call) => {
    const steps = numbers(call, strides);
    return numbers(call, SIZES).reduce((last, d, k) => last + (d - 1) * (steps[k] ?? 0), 1);
  });
/** The same for all samples. */
const reach = (perSample: VectorSlot, sample: Size): Size =>
  size(`((N − 1) × ${perSample} + ${sample.formula})`, ['N', perSample, ...sample.slots], (call) => {
    return (call.int('N') - 1) * call.int(perSample) + sample(call);
  });
const width = size('(WIDE ? 4 : 2)', ['WIDE'], (call) => (call.int('WIDE') === 0 ? 2 : 4));

const operandA = read(2, product(2, reach('ANS', walked(STRIDES_A))));
/** As wide as WIDE says; where that is f32, its alignment is one of the needs. */
const operandB = read(2, product(width, reach('BNS', walked(STRIDES_B))));

const walks: Need = { text: 'D0, D1, D2 and D3 are at least 1', holds: (call) => numbers(call, SIZES).every((d) => d >= 1) };
const alignsB = (op: 'v.binary' | 'v.binary_grad'): Need => {
  const field = fieldIndex(op).b;
  return { text: 'r[b] is a multiple of 4 where WIDE is not 0', holds: (call) => call.int('WIDE') === 0 || call.operand(field) % 4 === 0 };
};

/** How an operand is walked, in elements: from sample to sample, and from index to index of D0 to D3. */
interface Steps {
  readonly sample: number;
  readonly dims: Quad<number>;
}

const stepsA = (call: Call): Steps => ({ sample: call.int('ANS'), dims: numbers(call, STRIDES_A) });
const stepsB = (call: Call): Steps => ({ sample: call.int('BNS'), dims: numbers(call, STRIDES_B) });

/** Visits the walk of every sample: dense index, elements of both operands. */
function eachPair(call: Call, inA: Steps, inB: Steps, visit: (i: number, a: number, b: number) => void): void {
  const [d0, d1, d2, d3] = numbers(call, SIZES);
  const [a0, a1, a2, a3] = inA.dims;
  const [b0, b1, b2, b3] = inB.dims;
  let i = 0;
  for (let n = 0; n < call.int('N'); n++) {
    for (let x = 0; x < d0; x++) {
      for (let y = 0; y < d1; y++) {
        for (let z = 0; z < d2; z++) {
          let a = n * inA.sample + x * a0 + y * a1 + z * a2;
          let b = n * inB.sample + x * b0 + y * b1 + z * b2;
          for (let w = 0; w < d3; w++, a += a3, b += b3) visit(i++, a, b);
        }
      }
    }
  }
}

const valueOfB = (call: Call, address: number): ((i: number) => number) =>
  call.int('WIDE') === 0 ? (i) => call.half(address, i) : (i) => call.single(address, i);

export const binary: Semantics<'v.binary'> = {
  uses: { dst: write(2, halves), a: operandA, b: operandB },
  elements,
  passes: once,
  slots: ['OP'],
  needs: [numbersOneOf(BINARY_OPS), walks, alignsB('v.binary')],
  run: (call, dst: number, a: number, b: number) => {
    const { value } = BINARY[opOf(call, BINARY_OPS)];
    const ofB = valueOfB(call, b);
    eachPair(call, stepsA(call), stepsB(call), (i, j, k) => {
      call.u16[dst / 2 + i] = toHalfBits(value(call.half(a, j), ofB(k)));
    });
  },
};

export const binaryGrad: Semantics<'v.binary_grad'> = {
  uses: { dst: write(2, halves), a: operandA, b: operandB, dy: read(2, halves) },
  elements,
  passes: times(2),
  slots: ['OP', 'SIDE'],
  needs: [numbersOneOf(BINARY_OPS), walks, alignsB('v.binary_grad')],
  run: (call, dst: number, a: number, b: number, dy: number) => {
    const { byA, byB } = BINARY[opOf(call, BINARY_OPS)];
    const derivative = call.int('SIDE') === 0 ? byA : byB;
    const ofB = valueOfB(call, b);
    eachPair(call, stepsA(call), stepsB(call), (i, j, k) => {
      call.u16[dst / 2 + i] = toHalfBits(call.half(dy, i) * derivative(call.half(a, j), ofB(k)));
    });
  },
};

const summed = walked(STRIDES_B);
const staysInside: Need = { text: `${summed.formula} is at most COUNT`, holds: (call) => summed(call) <= call.int('COUNT') };

export const sumSamples: Semantics<'v.sum_samples'> = {
  uses: { dst: updateWhere('v.sum_samples', 'add', 4, product(4, 'COUNT')), src: read(2, halves) },
  elements,
  passes: once,
  slots: summed.slots,
  needs: [walks, staysInside],
  run: (call, dst: number, src: number, add: number) => {
    if (add === 0) call.f32.fill(0, dst / 4, dst / 4 + call.int('COUNT'));
    const stays = { sample: 0, dims: [0, 0, 0, 0] } as const;
    eachPair(call, stays, { sample: 0, dims: numbers(call, STRIDES_B) }, (i, _, to) =>
      call.setSingle(dst, to, call.single(dst, to) + call.half(src, i)),
    );
  },
};
