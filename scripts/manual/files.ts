import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { manual } from './manual.ts';

const wavecore = fileURLToPath(new URL('../../backends/wavecore/', import.meta.url));

/** Path of the manual. */
export const MANUAL = `${wavecore}ISA.md`;

/** What the manual should hold. */
export function manualText(): string {
  return manual((name) => readFileSync(`${wavecore}isa/manual/${name}.md`, 'utf8'));
}
