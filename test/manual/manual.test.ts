import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MANUAL, manualText } from '../../scripts/manual/files.ts';

it('the ISA manual is what the table and the chapters say (npm run manual writes it anew)', () => {
  expect(readFileSync(MANUAL, 'utf8')).toBe(manualText());
});
