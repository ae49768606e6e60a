import { describe, expect, it } from 'vitest';
import { baseFiles } from './bases.ts';
import { Campaign } from './campaign.ts';
import { check } from './check.ts';

describe('program files', () => {
  it('that are sound run to their end', () => {
    expect(baseFiles().map(check)).toEqual(['completed', 'completed', 'completed', 'completed', 'completed']);
  });

  it('that are altered are refused, or end with a fault, or run to their end: nothing else happens', () => {
    const { outcomes, bugs } = new Campaign(1).run(0, 400);
    expect(bugs).toEqual([]);
    const total = (outcome: 'refused' | 'faulted' | 'completed'): number =>
      Object.values(outcomes).reduce((sum, row) => sum + row[outcome], 0);
    // The mutations reach every part.
    expect(Math.min(total('refused'), total('faulted'), total('completed'))).toBeGreaterThan(20);
  });
});
