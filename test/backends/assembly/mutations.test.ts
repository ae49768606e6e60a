import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble, decodeProgram, disassemble, encodeProgram } from '../../../backends/wavecore/index.ts';
import { WavecError } from '../../../ir/diagnostics.ts';

const examples = ['matmul', 'conv', 'stream'].map((name) =>
  readFileSync(new URL(`../../../examples/programs/${name}.wvs`, import.meta.url), 'utf8'),
);
const texts = [...examples, ...examples.map((text) => disassemble(assemble(text)))];

/** What stands in the texts, and what their readers may stumble over. */
const words = fc.oneof(
  fc.constantFrom(...texts.flatMap((text) => text.split(/(\W)/))),
  fc.constantFrom(
    'r63',
    'r64',
    '0x',
    '1e999',
    '-1',
    '18446744073709551616',
    '"',
    '""',
    'f16[0]',
    'f16[9999999999x9999999999]',
    'nan',
    '\r',
    '\0',
  ),
  fc.string(),
);

/** A text with some of its parts replaced. */
const damaged = fc
  .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 12 }), words), { minLength: 1, maxLength: 3 }))
  .map(([text, edits]) =>
    edits.reduce((before, [at, length, word]) => {
      const from = at % before.length;
      return before.slice(0, from) + word + before.slice(from + length);
    }, text),
  );

describe('damaged assembly text', () => {
  it('is refused line by line, or stands for a program that its file gives back', () => {
    fc.assert(
      fc.property(damaged, (text) => {
        try {
          const program = assemble(text, { file: 'x.wvs' });
          expect(decodeProgram(encodeProgram(program))).toEqual(program);
        } catch (error) {
          if (!(error instanceof WavecError)) throw error;
          const lines = text.split('\n').length;
          for (const { place } of error.diagnostics) {
            expect(place.file).toBe('x.wvs');
            expect(place.line).toBeGreaterThanOrEqual(1);
            expect(place.line).toBeLessThanOrEqual(lines);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
