import { readFileSync } from 'node:fs';
import { PACKAGE_FOLDER } from './package-folder.ts';

const { version }: { version?: unknown } = JSON.parse(readFileSync(new URL('package.json', PACKAGE_FOLDER), 'utf8'));

export const VERSION = String(version);
