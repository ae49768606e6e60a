import type { RunResult, TensorValue } from '../../backends/wavecore/index.ts';
import { run } from '../../backends/wavecore/index.ts';
import type { VectorSlot } from '../../backends/wavecore/isa/slots.ts';
import { fromHalfBits, roundToHalf } from '../../ir/half.ts';
import type { Values } from '../../ir/layers/record.ts';
import { elementCount, sampleElements, type TensorType, tensorBytes } from '../../ir/tensor.ts';
import { Assembler } from './assembler.ts';

/** Registers that hold the addresses of what a vector layer works on. */
export interface Places {
  in(i: number): number;
  out(i: number): number;
  /** f64 partial sums. */
  readonly state: number;
}

/** Executes vector instructions on operands that are loaded into the global buffer first; results are stored behind them. */
export function runVector(
  types: readonly TensorType[],
  values: readonly Values[],
  outputs: readonly TensorType[],
  slots: Partial<Record<VectorSlot, number>>,
  emit: (a: Assembler, at: Places) => void,
): RunResult {
  const a = new Assembler();
  let next = 4096;
  const place = (bytes: number): number => {
    const at = next;
    next += Math.ceil(bytes / 8) * 8 + 8;
    return at;
  };
  const inputs = new Map<string, Values | Uint8Array>();
  types.forEach((type, i) => {
    const at = place(tensorBytes(type));
    const dram = a.tensor(`in${i}`, type, { role: 'input' });
    const given = values[i] ?? new Float64Array();
    inputs.set(`in${i}`, type.dtype === 'bit' ? packBits(type, given) : given);
    a.move('d.ld', dram, at, tensorBytes(type), { signal: [1] }).op('v.sync', {}, { wait: [1] });
    a.set(10 + i, at);
  });
  const results = outputs.map((type, i) => {
    const at = place(tensorBytes(type));
    a.set(20 + i, at);
    return { type, at, dram: a.tensor(`out${i}`, type, { role: 'output' }) };
  });
  a.set(30, place(4096));
  a.vector(slots);
  emit(a, { in: (i) => 10 + i, out: (i) => 20 + i, state: 30 });
  a.op('v.sync', {}, { signal: [2] });
  results.forEach(({ type, at, dram }, i) => {
    a.move('d.st', dram, at, tensorBytes(type), i === 0 ? { wait: [2] } : {});
  });
  return run(a.program(), { mode: 'functional', inputs });
}

function packBits(type: TensorType, values: Values): Uint8Array {
  const bytes = new Uint8Array(tensorBytes(type));
  const run = sampleElements(type);
  values.forEach((v, i) => {
    const [sample, e] = [Math.floor(i / run), i % run];
    const at = sample * Math.ceil(run / 8) + (e >> 3);
    bytes[at] = (bytes[at] ?? 0) | (v === 0 ? 0 : 1 << (e & 7));
  });
  return bytes;
}

/** Numbers of a tensor read from DRAM. */
export function numbersOf({ dtype, shape, bytes }: TensorValue): Values {
  const view = new DataView(bytes.buffer);
  const run = sampleElements({ dtype, shape });
  return Float64Array.from({ length: elementCount(shape) }, (_, i) => {
    switch (dtype) {
      case 'f16':
        return fromHalfBits(view.getUint16(2 * i, true));
      case 'f32':
        return view.getFloat32(4 * i, true);
      case 'u8':
        return view.getUint8(i);
      case 'bit':
        return (view.getUint8(Math.floor(i / run) * Math.ceil(run / 8) + ((i % run) >> 3)) >> ((i % run) & 7)) & 1;
      default:
        return view.getInt32(4 * i, true);
    }
  });
}

/** Values as a tensor of the type holds them. */
export function rounded(type: TensorType, values: Values): Values {
  if (type.dtype === 'f16') return values.map(roundToHalf);
  return type.dtype === 'f32' ? values.map(Math.fround) : values;
}
