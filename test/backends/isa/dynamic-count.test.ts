import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, type Program, run } from '../../../backends/wavecore/index.ts';
import { dynamicCount } from '../../../backends/wavecore/isa/dynamic-count.ts';
import { WavecError } from '../../../ir/diagnostics.ts';
import { SCHEDULES } from '../../../passes/mbs/schedule.ts';
import { compile } from '../../../src/api.ts';
import { residualNetwork } from '../../chain/network.ts';

const executed = (program: Program): number => run(program, { mode: 'timing' }).instructions;

/** Undefined where a register outgrows its 48 bits. */
function executedUnlessTooLarge(program: Program): number | undefined {
  try {
    return executed(program);
  } catch (error) {
    if (error instanceof WavecError && error.diagnostics[0]?.code === 'PROGRAM_FAULT') return undefined;
    throw error;
  }
}

/** Code of the sequencer alone, as text: arithmetic on few registers, loops and skips around each other. */
const anyText: fc.Memo<string[]> = fc.memo((depth) => {
  const register = fc.constantFrom('r0', 'r1', 'r2', 'r3');
  const small = fc.integer({ min: -2, max: 2 });
  const straight = fc.oneof(
    fc
      .tuple(fc.constantFrom('la', 'par'), register, register, small, small)
      .map(([op, rd, rs, scale, base]) => `${op} ${rd}, ${rs}*${scale} + ${base}`),
    fc.tuple(register, register, small).map(([rd, rs, scale]) => `mac ${rd}, ${rs}*${scale}`),
  );
  if (depth <= 1) return fc.array(straight, { maxLength: 4 });
  const inner = anyText(depth - 1);
  const loop = fc
    .tuple(register, fc.integer({ min: 1, max: 4 }), fc.nat({ max: 2 }), inner)
    .map(([rd, count, step, body]) => [`loop ${rd}, count=${count}, step=${step}`, ...body, 'end']);
  const skip = fc
    .tuple(fc.constantFrom('skipz', 'skipnz'), register, inner)
    .map(([op, rs, body]) => [`${op} ${rs}, count=${body.length}`, ...body]);
  return fc
    .array(
      fc.oneof(
        straight.map((s) => [s]),
        loop,
        skip,
      ),
      { maxLength: 4 },
    )
    .map((parts) => parts.flat());
});

describe('instructions of a run, counted without running', () => {
  it('are never fewer nor more than the run executes', () => {
    fc.assert(
      fc.property(anyText(5), (lines) => {
        const program = assemble([...lines, 'halt'].join('\n'));
        const { least, most } = dynamicCount(program.code) ?? expect.unreachable();
        const instructions = executedUnlessTooLarge(program);
        fc.pre(instructions !== undefined);
        expect(least).toBeLessThanOrEqual(instructions);
        expect(most).toBeGreaterThanOrEqual(instructions);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(SCHEDULES)('are those of the run for a residual network under %s', (schedule) => {
    const program = compile(residualNetwork(7), { schedule, batch: 7 });
    expect(dynamicCount(program.code)).toEqual({ least: executed(program), most: executed(program) });
  });

  it('are a range where a skip cannot be decided', () => {
    const { code } = assemble('loop r1, count=4, step=1\nla r2, r2*2 + 1\nskipz r2, next\nla r3, 0\nnext:\nend\nhalt');
    expect(dynamicCount(code)).toEqual({ least: 14, most: 18 });
  });

  it('are not counted where the code ends in several places', () => {
    expect(dynamicCount(assemble('skipz r1, a\nhalt\na:\nhalt').code)).toBeUndefined();
  });
});
