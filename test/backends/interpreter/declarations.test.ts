import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SLOT_COUNT } from '../../../backends/wavecore/interpreter/kernels/kernels.ts';
import { Position } from '../../../backends/wavecore/interpreter/position.ts';
import { Call } from '../../../backends/wavecore/interpreter/vector/call.ts';
import { slotsReadBy } from '../../../backends/wavecore/interpreter/vector/handler.ts';
import type { Semantics, Use, VectorOp } from '../../../backends/wavecore/interpreter/vector/semantics.ts';
import { SEMANTICS } from '../../../backends/wavecore/interpreter/vector/table.ts';
import { OPS, specOf } from '../../../backends/wavecore/isa/layout.ts';
import { SLOT_KINDS, VECTOR_SLOT_SPECS, VECTOR_SLOTS, type VectorSlot } from '../../../backends/wavecore/isa/slots.ts';
import { Assembler } from '../assembler.ts';

const MEMORY_BYTES = 65536;
/** Between the operands, each at a place of its own. */
const ROOM = 8192;

/** A call whose slots and memory tell what is read and written. */
class WatchedCall extends Call {
  readonly slotsRead = new Set<VectorSlot>();
  readonly bytesRead = new Set<number>();
  readonly bytesWritten = new Set<number>();

  constructor(memory: ArrayBuffer) {
    super({ memory, vectorSlots: new Int32Array(SLOT_COUNT) }, new Position(new Assembler().program()));
    for (const name of ['u8', 'u16', 'i32', 'f32', 'f64', 'u64'] as const) {
      const array: unknown = Reflect.get(this, name);
      Reflect.set(this, name, this.watched(array as Uint8Array));
    }
  }

  override int(slot: VectorSlot): number {
    this.slotsRead.add(slot);
    return super.int(slot);
  }

  override float(slot: VectorSlot): number {
    this.slotsRead.add(slot);
    return super.float(slot);
  }

  private watched(array: Uint8Array): Uint8Array {
    const size = array.BYTES_PER_ELEMENT;
    const note = (bytes: Set<number>, from: number, to: number): void => {
      for (let i = from * size; i < to * size; i++) bytes.add(i);
    };
    const { bytesRead, bytesWritten } = this;
    return new Proxy(array, {
      get(target, key) {
        const index = Number(String(key));
        if (!Number.isNaN(index)) {
          note(bytesRead, index, index + 1);
          return target[index];
        }
        if (key === 'fill')
          return (value: number, from: number, to: number) => {
            note(bytesWritten, from, to);
            target.fill(value, from, to);
          };
        if (key === 'copyWithin')
          return (to: number, from: number, end: number) => {
            note(bytesRead, from, end);
            note(bytesWritten, to, to + end - from);
            target.copyWithin(to, from, end);
          };
        throw new Error(`the test does not know ${String(key)} of an array`);
      },
      set(target, key, value) {
        const index = Number(String(key));
        note(bytesWritten, index, index + 1);
        target[index] = value;
        return true;
      },
    });
  }
}

/** Small values of every slot, consistent with each other. */
const slots: fc.Arbitrary<Record<string, number>> = fc
  .record(
    Object.fromEntries(
      VECTOR_SLOTS.map((slot) => {
        const { least } = SLOT_KINDS[VECTOR_SLOT_SPECS[slot].kind];
        return [slot, fc.integer({ min: least ?? -2, max: 4 })];
      }),
    ),
  )
  .map((drawn) => ({
    ...drawn,
    C: (drawn.C ?? 1) * (drawn.GROUPS ?? 1),
    COUNT: 3 * (drawn.COUNT ?? 1),
    SRCSTRIDE: 4,
    DSTSTRIDE: 4,
    ROWBYTES: 4,
    SPAN: 4 * (drawn.SPAN ?? 1),
    BBYTES: 2,
  }));

/** Instructions whose operands hold numbers of elements. */
const BY_NUMBERS: ReadonlySet<string> = new Set(['v.softmax_loss', 'v.gather', 'v.scatter', 'v.resample', 'v.resample_grad']);

const computing = OPS.filter((op): op is VectorOp => op in SEMANTICS);

describe.each(computing)('%s', (op) => {
  const semantics: Semantics = SEMANTICS[op];
  const { fields } = specOf(op);

  it('reads the slots and accesses the bytes that it declares, and no others', () => {
    fc.assert(
      fc.property(slots, fc.boolean(), fc.nat(255), (values, flags, noise) => {
        const memory = new ArrayBuffer(MEMORY_BYTES);
        // Labels are to be classes, offsets and indices within their sample.
        if (!BY_NUMBERS.has(op)) new Uint8Array(memory).forEach((_, i, all) => (all[i] = (i * 37 + noise) >> 2));
        const call = new WatchedCall(memory);
        VECTOR_SLOTS.forEach((slot, i) => {
          call.slots[i] = values[slot] ?? 0;
        });
        fields.forEach(({ type, bits }, i) => {
          call.operands[i] = type === 'reg' ? ROOM * (i + 1) : bits === 1 ? Number(flags) : 24;
        });
        const uses: Readonly<Record<string, Use>> = semantics.uses;
        const [readable, writable, toWrite] = [new Set<number>(), new Set<number>(), new Set<number>()];
        fields.forEach(({ name }, i) => {
          const use = uses[name];
          const from = ROOM * (i + 1);
          for (let at = from; at < from + (use?.bytes(call) ?? 0); at++) {
            if (use?.access !== 'write') readable.add(at);
            if (use?.access !== 'read') writable.add(at);
            if (use?.access === 'write') toWrite.add(at);
          }
        });
        semantics.run(call, ...call.operands);
        expect([...call.slotsRead].filter((slot) => !slotsReadBy(semantics).includes(slot))).toEqual([]);
        expect([...call.bytesRead].filter((at) => !readable.has(at))).toEqual([]);
        expect([...call.bytesWritten].filter((at) => !writable.has(at))).toEqual([]);
        expect([...toWrite].filter((at) => !call.bytesWritten.has(at))).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
});
