import { MAX_FIELDS, OPS, specOf } from '../../isa/layout.ts';
import { SLOT_KINDS, VECTOR_SLOT_SPECS, VECTOR_SLOTS, type VectorSlot } from '../../isa/slots.ts';
import type { Core, Handler } from '../core.ts';
import { COUNT } from '../counters.ts';
import { UNIT } from '../timing.ts';
import type { Call } from './call.ts';
import type { Semantics, Use, VectorOp } from './semantics.ts';
import { SEMANTICS } from './table.ts';

/** What an operand points at, and which operand it is. */
export interface NamedUse extends Use {
  readonly name: string;
  /** Position among the fields of the instruction. */
  readonly field: number;
}

/** The operands of an instruction that point into the global buffer. */
export function usesOf(op: VectorOp): NamedUse[] {
  const table: Readonly<Record<string, Use>> = SEMANTICS[op].uses;
  return specOf(op).fields.flatMap(({ name }, field) => {
    const use = table[name];
    return use === undefined ? [] : [{ ...use, name, field }];
  });
}

/** Puts the operands of instruction `pc` into the call, registers resolved. */
export function bindOperands({ image, registers, vector }: Core, pc: number): void {
  const mask = image.registerFields[pc] ?? 0;
  for (let f = 0; f < MAX_FIELDS; f++) {
    const value = image.operands[pc * MAX_FIELDS + f] ?? 0;
    vector.operands[f] = (mask >> f) & 1 ? (registers[value] ?? 0) : value;
  }
}

/** Every slot that an instruction reads, once, in the order of the slots. */
export function slotsReadBy({ uses, elements, passes, slots }: Semantics): VectorSlot[] {
  const used = Object.values<Use>(uses).flatMap(({ bytes }) => bytes.slots);
  const all = new Set([...used, ...elements.slots, ...passes.slots, ...slots]);
  return VECTOR_SLOTS.filter((slot) => all.has(slot));
}

function handlerOf(op: VectorOp): Handler {
  const semantics = SEMANTICS[op];
  const { opcode } = specOf(op);
  const uses = usesOf(op);
  const bounded = slotsReadBy(semantics).flatMap((slot) => {
    const { least } = SLOT_KINDS[VECTOR_SLOT_SPECS[slot].kind];
    return least === undefined ? [] : [{ slot, least }];
  });
  const { elements, passes, needs = [] } = semantics;
  /** Bytes of each use of the instruction being executed. */
  const extents = new Float64Array(uses.length);
  return (core, pc) => {
    const { vector: call, counters, machine } = core;
    const ready = core.ready(pc, core.timing.issue(UNIT.vector));
    bindOperands(core, pc);
    for (const { slot, least } of bounded) {
      if (call.int(slot) < least) call.fault(`slot ${slot} is ${call.int(slot)}, expected at least ${least}`);
    }
    for (const { text, holds } of needs) if (!holds(call)) call.fault(`expected that ${text}`);
    let moved = 0;
    uses.forEach((use, i) => {
      const bytes = use.bytes(call);
      extents[i] = bytes;
      if (bytes === 0) return;
      checkAccess(core, use.name, call.operand(use.field), bytes, use.align);
      moved += use.access === 'update' ? 2 * bytes : bytes;
    });
    checkOverlap(call, uses, extents);
    const [count, turns] = [elements(call), passes(call)];
    if (count < 1) call.fault('works on no elements');
    counters.work(COUNT.globalBytes, moved);
    counters.work(COUNT.vectorOps, count * turns);
    if (core.data !== undefined) {
      const { kernels } = core.data;
      uses.forEach(({ field }, i) => {
        kernels.settle(call.operand(field), call.operand(field) + (extents[i] ?? 0));
      });
      // A kernel takes elements in any order; where operands share their place, most plain loops take one after the other.
      const done = !sharePlace(call, uses, extents, semantics.inPlace) && kernels.vector(opcode, call.operands, count * turns);
      if (!done) semantics.run(call, ...call.operands);
    }
    const { lanes, startCycles } = machine.vector;
    core.post(pc, core.timing.vector(ready, startCycles + turns * Math.ceil(count / lanes)));
    return pc + 1;
  };
}

/** What is written must lie apart from every other operand, or take its very place: otherwise the order of accesses would show. */
function checkOverlap(call: Call, uses: readonly NamedUse[], extents: Float64Array): void {
  for (let i = 0; i < uses.length; i++) {
    for (let j = i + 1; j < uses.length; j++) {
      const [a, b] = [uses[i], uses[j]];
      if (a === undefined || b === undefined || (a.access === 'read' && b.access === 'read')) continue;
      const [atA, atB, bytesA, bytesB] = [call.operand(a.field), call.operand(b.field), extents[i] ?? 0, extents[j] ?? 0];
      const apart = bytesA === 0 || bytesB === 0 || atA + bytesA <= atB || atB + bytesB <= atA;
      const same = atA === atB && bytesA === bytesB && a.align === b.align;
      if (!apart && !same) call.fault(`operands ${a.name} and ${b.name} overlap without being the same bytes`);
    }
  }
}

/** Whether an operand that is written takes the place of another, other than by elements, `inPlace`. */
function sharePlace(call: Call, uses: readonly NamedUse[], extents: Float64Array, inPlace = false): boolean {
  return uses.some((a, i) =>
    uses.some((b, j) => {
      if (i === j || a.access === 'read' || extents[i] === 0 || extents[j] === 0) return false;
      return call.operand(a.field) === call.operand(b.field) && !(inPlace && b.access === 'read');
    }),
  );
}

function checkAccess(core: Core, name: string, address: number, bytes: number, align: number): void {
  const { globalBytes } = core.machine.buffers;
  if (!(bytes > 0 && address >= 0 && address + bytes <= globalBytes)) {
    core.vector.outOfRange(`operand ${name} covers bytes ${address} to ${address + bytes} of the global buffer, which has ${globalBytes}`);
  }
  if (address % align !== 0) core.vector.outOfRange(`operand ${name} at byte ${address} is not aligned to ${align} bytes`);
}

export const VECTOR_HANDLERS = Object.fromEntries(
  OPS.filter((op): op is VectorOp => op in SEMANTICS).map((op) => [op, handlerOf(op)]),
) as Readonly<Record<VectorOp, Handler>>;
