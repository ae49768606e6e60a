import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { supportText } from '../../scripts/support.ts';
import { OPERATORS } from '../../src/onnx/operators.ts';

describe('SUPPORT.md', () => {
  it('is what the records say (npm run support writes it)', () => {
    expect(readFileSync(new URL('../../SUPPORT.md', import.meta.url), 'utf8')).toBe(supportText());
  });

  it('names every operator that is read, each limit as one sentence part', () => {
    for (const [name, { rules = [] }] of Object.entries(OPERATORS)) {
      expect(supportText()).toContain(`| ${name} |`);
      for (const { says } of rules) expect(says).not.toMatch(/^[A-Z]|\.$/);
    }
  });
});
