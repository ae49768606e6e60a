import { readFileSync } from 'node:fs';

/** The nearest package.json above this module: the same in the sources and in the build. */
function versionOf(folder: URL): string {
  const file = new URL('package.json', folder);
  try {
    const { version }: { version?: unknown } = JSON.parse(readFileSync(file, 'utf8'));
    return String(version);
  } catch (error) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) throw error;
    return versionOf(parent);
  }
}

export const VERSION = versionOf(new URL('.', import.meta.url));
