import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasMaterial, material } from '../material.ts';
import { casesOf, type Outcome, runCase } from './conformance.ts';

const SUITES = ['node', 'node-v1.12', 'node-v1.6', 'pytorch-converted', 'simple'];
const TABLE = fileURLToPath(new URL('CONFORMANCE.md', import.meta.url));

/** Cases whose stored outputs are not what a program can be compared with, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'node/test_training_dropout': 'the mask is drawn at random, and inference leaves dropout out',
  'node/test_training_dropout_default': 'the mask is drawn at random, and inference leaves dropout out',
  'node-v1.6/test_resize_upsample_sizes_nearest_ceil_half_pixel': 'the model lacks the nearest_mode of its stored output',
  'node-v1.6/test_resize_upsample_sizes_nearest_floor_align_corners': 'the model lacks the nearest_mode of its stored output',
  'node-v1.6/test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric': 'the model lacks the nearest_mode of its stored output',
};

interface Row {
  cases: number;
  passed: number;
  reference: number;
  refused: number;
  readonly reasons: Map<string, number>;
}

function tableOf(outcomes: readonly Outcome[]): string {
  const rows = new Map<string, Row>();
  for (const { operator, result, reason } of outcomes) {
    const row = rows.get(operator) ?? { cases: 0, passed: 0, reference: 0, refused: 0, reasons: new Map() };
    rows.set(operator, row);
    row.cases++;
    if (result === 'passed') row.passed++;
    else if (result === 'reference') row.reference++;
    else row.refused++;
    if (result !== 'passed') row.reasons.set(reason, (row.reasons.get(reason) ?? 0) + 1);
  }
  const lines = [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([operator, row]) => {
      const reasons = [...row.reasons].map(([reason, count]) => `${count} × ${reason.replaceAll('|', '\\|')}`).toSorted();
      return `| ${operator} | ${row.cases} | ${row.passed} | ${row.reference} | ${row.refused} | ${reasons.join('<br>')} |`;
    });
  const total = (key: 'cases' | 'passed' | 'reference' | 'refused'): number => [...rows.values()].reduce((sum, row) => sum + row[key], 0);
  return [
    '# Conformance',
    '',
    "ONNX's backend cases, each decoded, lowered, compiled and executed by the functional interpreter, and compared with its stored outputs",
    '(largest error 4e-3 of the largest value: inputs and every layer are rounded to 11 bits). Written by `test/onnx/conformance.test.ts`.',
    '',
    'Passed: as a program. Reference: values leave the range of halves, so the reference kernels were compared. Refused: with the reason given.',
    'An operator with constant inputs alone is folded; its value is compared as an addend of the program.',
    'Models of several operators are mostly the functions that ONNX writes its operators out as.',
    '',
    '| operator | cases | passed | reference | refused | reasons |',
    '|---|---:|---:|---:|---:|---|',
    ...lines,
    `| all | ${total('cases')} | ${total('passed')} | ${total('reference')} | ${total('refused')} | |`,
    '',
  ].join('\n');
}

describe.skipIf(!hasMaterial)('cases of ONNX', () => {
  const outcomes: Outcome[] = [];

  it.each(SUITES)(
    '%s: every case agrees with its stored outputs, or is refused',
    (suite) => {
      const root = material(`conformance/${suite}`);
      const wrong: string[] = [];
      for (const name of casesOf(root)) {
        const outcome = runCase(`${root}/${name}`);
        const why = NOT_COMPARED[`${suite}/${name}`];
        if (why !== undefined) outcomes.push({ ...outcome, result: 'refused', reason: `not compared: ${why}` });
        else outcomes.push(outcome);
        if (why === undefined && outcome.result === 'failed') wrong.push(`${name}: ${outcome.reason}`);
      }
      expect(wrong).toEqual([]);
    },
    120_000,
  );

  it('are what the table says', () => {
    const table = tableOf(outcomes);
    if (process.env.BLESS) writeFileSync(TABLE, table);
    expect(existsSync(TABLE) ? readFileSync(TABLE, 'utf8') : '').toBe(table);
  });
});
