import { MATRIX_SLOTS, type MatrixSlot, VECTOR_SLOTS, type VectorSlot } from '../../backends/wavecore/isa/slots.ts';
import type { Instruction, Op, Operands } from '../../backends/wavecore/isa/table.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import type { DebugRange, Program, ProgramSymbol } from '../../backends/wavecore/program.ts';
import { type TensorType, tensorBytes } from '../../ir/tensor.ts';

/** A machine with round numbers: 4×4 array, waves of 8 rows, DRAM of 16 bytes a cycle, bursts of 64 bytes. */
export const SMALL: Machine = {
  name: 'small',
  clockHz: 1e9,
  coresPerChip: 1,
  array: { rows: 4, columns: 4, waveRows: 8 },
  buffers: { globalBytes: 65536, aBytes: 64, bBytes: 32, accBytes: 128 },
  ports: { fillBytesPerCycle: 8, stationaryBytesPerCycle: 4, drainBytesPerCycle: 16 },
  vector: { lanes: 4, startCycles: 3 },
  dram: { kind: 'test', bytesPerSecond: 16e9, latencyCycles: 10, burstBytes: 64 },
  queueDepth: 8,
  energy: { dramPerByteJ: 1, globalPerByteJ: 1, localPerByteJ: 1, macJ: 1, vectorOpJ: 1, staticW: 1e9 },
};

interface Tokens {
  readonly wait?: readonly number[];
  readonly signal?: readonly number[];
}

const bits = new DataView(new ArrayBuffer(4));

export function floatBits(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

/** Writes a program by hand: tensors at DRAM addresses, instructions, debug ranges. */
export class Assembler {
  readonly code: Instruction[] = [];
  readonly symbols: ProgramSymbol[] = [];
  readonly debug: DebugRange[] = [];
  private address = 0;
  private machine: Machine;

  constructor(machine: Machine = SMALL) {
    this.machine = machine;
  }

  /** Adds a tensor; returns its DRAM address. */
  tensor(name: string, type: TensorType, rest: Partial<ProgramSymbol> = {}): number {
    const bytes = tensorBytes(type);
    const address = rest.address ?? this.address;
    this.symbols.push({ name, kind: 'activation', ...type, address, bytes, role: 'internal', ...rest });
    this.address = Math.max(this.address, Math.ceil((address + bytes) / 64) * 64);
    return address;
  }

  op<O extends Op>(op: O, operands: Operands<O>, { wait = [], signal = [] }: Tokens = {}): this {
    this.code.push({ op, operands, wait, signal });
    return this;
  }

  /** rd = value. */
  set(rd: number, value: number): this {
    return this.op('la', { rd, rs: 0, scale: 0, base: value });
  }

  /** Sets all slots; those of further levels only if there are any. */
  matrix(slots: Partial<Record<MatrixSlot, number>>): this {
    const plain = MATRIX_SLOTS.slice(MATRIX_SLOTS.indexOf('BKM')).every((name) => slots[name] === undefined);
    MATRIX_SLOTS.forEach((name, slot) => {
      const next = MATRIX_SLOTS[slot + 1];
      if (slot % 2 === 0 && !(plain && slot > MATRIX_SLOTS.indexOf('BKM')))
        this.op('m.cfg', { slot, v0: slots[name] ?? 0, v1: next === undefined ? 0 : (slots[next] ?? 0) });
    });
    return this;
  }

  vector(slots: Partial<Record<VectorSlot, number>>): this {
    VECTOR_SLOTS.forEach((name, slot) => {
      const next = VECTOR_SLOTS[slot + 1];
      if (slot % 2 === 0) this.op('v.cfg', { slot, v0: slots[name] ?? 0, v1: next === undefined ? 0 : (slots[next] ?? 0) });
    });
    return this;
  }

  /** Moves one contiguous run; uses registers 60 and 61. */
  move(op: 'd.ld' | 'd.st', dram: number, global: number, bytes: number, tokens: Tokens = {}): this {
    return this.set(60, dram).set(61, global).op(op, { dram: 60, global: 61, rowBytes: bytes, rows: 1, dramStride: bytes }, tokens);
  }

  /** Emits the code of a layer, with a fence behind it. */
  layer(layer: string, body: () => void): this {
    const from = this.code.length;
    body();
    this.op('fence', {});
    this.debug.push({ from, to: this.code.length, layer, kind: 'test', phase: 'forward', group: 0, origin: `node of ${layer}` });
    return this;
  }

  /** The program, ended. */
  program(rest: Partial<Program> = {}): Program {
    this.op('halt', {});
    return {
      model: 'test',
      mode: 'training',
      cores: 1,
      batch: 1,
      schedule: 'none',
      machine: this.machine,
      code: this.code,
      symbols: this.symbols,
      debug: this.debug,
      buffer: [],
      predicted: {},
      ...rest,
    };
  }
}
