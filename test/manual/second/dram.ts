import type { Sections, Tensor } from './file.ts';
import { f16once, Memory } from './memory.ts';

/** The DRAM before the run: initial values, copies, inputs. */
export function dramBefore({ symbols, data }: Sections, inputs: ReadonlyMap<string, Uint8Array>): Memory {
  const memory = new Memory(Math.max(64, ...symbols.map((s) => s.address + s.bytes)));
  const values = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (const tensor of symbols) {
    const { initial } = tensor;
    if (initial?.form === 'splat') fill(memory, tensor, () => initial.value ?? 0);
    if (initial?.form !== 'values') continue;
    const offset = initial.offset ?? 0;
    fill(memory, tensor, (i) => (initial.type === 'f32' ? values.getFloat32(offset + 4 * i, true) : values.getInt32(offset + 4 * i, true)));
  }
  for (const tensor of symbols) {
    const source = symbols.find((s) => s.name === tensor.initial?.tensor);
    if (source === undefined) continue;
    const size = source.dtype === 'f16' ? 2 : 4;
    const from = new Memory(source.bytes);
    from.bytes.set(memory.bytes.subarray(source.address, source.address + source.bytes));
    fill(memory, tensor, (i) =>
      source.dtype === 'f16' ? from.half(size * i) : source.dtype === 'f32' ? from.single(size * i) : from.word(size * i),
    );
  }
  for (const [name, bytes] of inputs) memory.bytes.set(bytes, symbols.find((s) => s.name === name)?.address ?? 0);
  return memory;
}

function fill(memory: Memory, { dtype, shape, address, bytes }: Tensor, valueAt: (i: number) => number): void {
  const view = new DataView(memory.bytes.buffer);
  if (dtype === 'bit') {
    memory.bytes.fill(valueAt(0) === 0 ? 0 : 0xff, address, address + bytes);
    return;
  }
  const count = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < count; i++) {
    const x = valueAt(i);
    if (dtype === 'f16') memory.setHalf(address + 2 * i, f16once(x));
    else if (dtype === 'f32') memory.setSingle(address + 4 * i, x);
    else if (dtype === 'i32') view.setInt32(address + 4 * i, x, true);
    else if (dtype === 'u8') view.setUint8(address + i, x);
    else throw new Error(`the second interpreter fills no ${dtype}`);
  }
}
