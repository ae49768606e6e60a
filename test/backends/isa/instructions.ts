import fc from 'fast-check';
import { layoutOf, OPS, rangeOf } from '../../../backends/wavecore/isa/layout.ts';
import { slotFields } from '../../../backends/wavecore/isa/settings.ts';
import { slotsOf } from '../../../backends/wavecore/isa/slots.ts';
import { type Instruction, type Op, TOKENS } from '../../../backends/wavecore/isa/table.ts';

const tokens = fc.array(fc.integer({ min: 1, max: TOKENS - 1 }), { maxLength: 2 });

function instructionOf(op: Op): fc.Arbitrary<Instruction> {
  const fields = layoutOf(op).map((field) => {
    const [least, most] = rangeOf(field);
    const max = slotFields(op).includes(field.name) ? (slotsOf(op)?.length ?? 1) - 1 : most;
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

const make = (op: Op, operands: Record<string, number>): Instruction => ({ op, operands, wait: [], signal: [] });

/** Any code that is well formed but for its end: straight parts, loops and skips, each around code of the same kind. */
const anyBlock: fc.Memo<Instruction[]> = fc.memo((depth) => {
  const straight = fc.constantFrom(...OPS.filter((op) => !BRANCHING.includes(op))).chain(instructionOf);
  if (depth <= 1) return fc.array(straight, { maxLength: 5 });
  const loop = fc
    .tuple(anyBlock(depth - 1), fc.integer({ min: 1, max: 2 ** 32 - 1 }), fc.nat({ max: 2 ** 32 - 1 }))
    .map(([body, count, step]) => [make('loop', { rd: 1, count, step }), ...body, make('end', {})]);
  const skip = fc
    .tuple(fc.constantFrom('skipz' as const, 'skipnz' as const), anyBlock(depth - 1))
    .map(([op, body]) => [make(op, { rs: 1, count: body.length }), ...body]);
  return fc
    .array(
      fc.oneof(
        straight.map((one) => [one]),
        loop,
        skip,
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.flat());
});

/** Any code that is well formed; at least 4 instructions. */
export const anyCode: fc.Arbitrary<Instruction[]> = anyBlock(4).map((body) => [
  make('loop', { rd: 1, count: 3, step: 2 }),
  ...body,
  make('end', {}),
  make('skipz', { rs: 1, count: 0 }),
  make('halt', {}),
]);
