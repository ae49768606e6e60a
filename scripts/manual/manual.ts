import { FRAGMENTS } from './fragments.ts';

/** The chapters in the order of the manual; each is a Markdown file of this name. */
export const CHAPTERS = [
  'introduction',
  'state',
  'units',
  'numerics',
  'matrix-unit',
  'vector-unit',
  'instructions',
  'timing',
  'order',
  'faults',
  'program-file',
  'versions',
] as const;

/**
 * The ISA manual: the chapters, with what stands in double braces replaced by what the code says.
 * @throws Error for a name that no fragment has, and for a fragment that no chapter uses
 */
export function manual(chapterOf: (name: string) => string): string {
  const used = new Set<string>();
  const text = CHAPTERS.map(chapterOf)
    .join('\n')
    .replace(/\{\{([^}]*)\}\}/g, (_, name: string) => {
      const fragment = FRAGMENTS[name];
      if (fragment === undefined) throw new Error(`the manual has no fragment '${name}'`);
      used.add(name);
      return fragment();
    });
  const unused = Object.keys(FRAGMENTS).filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`no chapter of the manual uses ${unused.join(', ')}`);
  return text;
}
