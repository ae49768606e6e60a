import { writeFileSync } from 'node:fs';
import { supportText } from './support.ts';

writeFileSync(new URL('../SUPPORT.md', import.meta.url), supportText());
