import fc from 'fast-check';
import { layoutOf, OPS, rangeOf } from '../../../backends/wavecore/isa/layout.ts';
import { slotsOf } from '../../../backends/wavecore/isa/slots.ts';
import { type Instruction, type Op, TOKENS } from '../../../backends/wavecore/isa/table.ts';

const tokens = fc.array(fc.integer({ min: 1, max: TOKENS - 1 }), { maxLength: 2 });

function instructionOf(op: Op): fc.Arbitrary<Instruction> {
  const fields = layoutOf(op).map((field) => {
    const [least, most] = rangeOf(field);
    const max = field.name === 'slot' ? (slotsOf(op)?.length ?? 1) - 1 : most;
    return [field.name, fc.oneof(fc.constantFrom(least, max), fc.integer({ min: least, max }))] as const;
  });
  const none = fc.constant<number[]>([]);
  const onUnit = op.includes('.');
  return fc.record({
    op: fc.constant(op),
    operands: fc.record(Object.fromEntries(fields)),
    wait: onUnit ? tokens : none,
    signal: onUnit ? tokens : none,
  });
}

const BRANCHING: readonly Op[] = ['loop', 'end', 'skipz', 'skipnz', 'halt'];

/** Any instruction, its operands within their fields. */
export const anyInstruction: fc.Arbitrary<Instruction> = fc.constantFrom(...OPS).chain(instructionOf);

/** Any code that is well formed: straight, with one loop around it all. */
export const anyCode: fc.Arbitrary<Instruction[]> = fc
  .array(fc.constantFrom(...OPS.filter((op) => !BRANCHING.includes(op))).chain(instructionOf), { maxLength: 12 })
  .map((body) => [
    { op: 'loop', operands: { rd: 1, count: 3, step: 2 }, wait: [], signal: [] },
    ...body,
    { op: 'end', operands: {}, wait: [], signal: [] },
    { op: 'skipz', operands: { rs: 1, count: 0 }, wait: [], signal: [] },
    { op: 'halt', operands: {}, wait: [], signal: [] },
  ]);
