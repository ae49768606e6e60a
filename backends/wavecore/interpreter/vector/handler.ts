import { MAX_FIELDS, OPS, specOf } from '../../isa/layout.ts';
import type { Core, Handler } from '../core.ts';
import { UNIT } from '../timing.ts';
import type { Use, VectorOp } from './semantics.ts';
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

function handlerOf(op: VectorOp): Handler {
  const semantics = SEMANTICS[op];
  const uses = usesOf(op);
  return (core, pc) => {
    const { vector: call, counters, machine } = core;
    const ready = core.ready(pc, core.timing.issue(UNIT.vector));
    bindOperands(core, pc);
    let moved = 0;
    for (const use of uses) {
      const bytes = use.bytes(call);
      if (bytes === 0) continue;
      checkAccess(core, use.name, call.operand(use.field), bytes, use.align);
      moved += use.access === 'update' ? 2 * bytes : bytes;
    }
    const elements = semantics.elements(call);
    const passes = semantics.passes(call);
    if (!(elements > 0 && passes > 0))
      call.fault(`works on ${elements} elements in ${passes} passes; the vector unit is not configured for it`);
    counters.add('globalBytes', moved);
    counters.add('vectorOps', elements * passes);
    if (core.data !== undefined) semantics.run(call, ...call.operands);
    const { lanes, startCycles } = machine.vector;
    core.post(pc, core.timing.vector(ready, startCycles + passes * Math.ceil(elements / lanes)));
    return pc + 1;
  };
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
