// Imports the files whose names are the arguments, one line of JSON for each, and tells the peak memory of the process at last.
import { readFileSync } from 'node:fs';
import { filesBeside } from '../../src/cli/external-files.ts';
import { importProblems } from './problems.ts';

/** What became of one file; `error` where the import failed in a way that is no message of the product. */
export interface ImportedFile {
  readonly file: string;
  readonly codes: readonly string[];
  readonly placed: boolean;
  readonly cpuMilliseconds: number;
  readonly error?: string;
}

for (const file of process.argv.slice(2)) {
  const before = process.cpuUsage();
  const codes: string[] = [];
  let placed = true;
  let error: string | undefined;
  try {
    for (const mode of ['inference', 'training'] as const) {
      const problems = importProblems(readFileSync(file), {
        file,
        mode,
        batch: mode === 'training' ? 2 : undefined,
        files: filesBeside(file),
      });
      codes.push(...problems.map((p) => p.code));
      placed &&= problems.every((p) => p.place.file === file);
    }
  } catch (caught) {
    error = caught instanceof Error ? (caught.stack ?? caught.message) : String(caught);
  }
  const { user, system } = process.cpuUsage(before);
  const imported: ImportedFile = {
    file,
    codes,
    placed,
    cpuMilliseconds: (user + system) / 1000,
    ...(error === undefined ? {} : { error }),
  };
  console.log(JSON.stringify(imported));
}
console.log(process.resourceUsage().maxRSS * 1024);
