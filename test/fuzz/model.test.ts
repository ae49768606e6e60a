import { describe, expect, it } from 'vitest';
import { hasMaterial } from '../material.ts';
import { mutant, outcomeOf } from './model-outcome.ts';
import { seedFiles } from './model-seeds.ts';

const CASES = 600;

describe.skipIf(!hasMaterial)('damaged models', () => {
  it('are imported soundly, or refused by the product’s own messages', () => {
    const files = seedFiles();
    const counts = { accepted: 0, refused: 0 };
    for (let index = 0; index < CASES; index++) {
      const { kind, detail } = outcomeOf(mutant(files, 7, index), index);
      if (kind === 'bug') expect.fail(`seed 7, case ${index}: ${detail}`);
      else counts[kind]++;
    }
    expect(counts.accepted).toBeGreaterThan(CASES / 40);
    expect(counts.refused).toBeGreaterThan(CASES / 2);
  });
});
