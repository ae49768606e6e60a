// Feeds damaged models to the import, and counts what becomes of them. A second process does the work, so that one that hangs or
// eats memory can be ended and told. npm run fuzz:model -- --count 20000 --seed 1; --index N shows one case again.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutant, type Outcome, outcomeOf } from '../test/fuzz/model-outcome.ts';
import { seedFiles } from '../test/fuzz/model-seeds.ts';

const HANG_MILLISECONDS = 5000;
const MOST_BYTES = 1.5 * 2 ** 30;
const PAGE_BYTES = 4096;

const { values } = parseArgs({
  options: { count: { type: 'string' }, seed: { type: 'string' }, index: { type: 'string' }, from: { type: 'string' } },
});
const count = Number(values.count ?? 20_000);
const seed = Number(values.seed ?? 1);

if (values.index !== undefined) {
  const bytes = mutant(seedFiles(), seed, Number(values.index));
  const file = join(mkdtempSync(join(tmpdir(), 'wavec-fuzz-')), 'mutant.onnx');
  writeFileSync(file, bytes);
  console.log(file, outcomeOf(bytes, Number(values.index)));
} else if (values.from !== undefined) work(Number(values.from));
else await watch();

/** The child: one line before each case and one behind it, written at once. */
function work(from: number): void {
  const files = seedFiles();
  for (let index = from; index < count; index++) {
    const bytes = mutant(files, seed, index);
    tellParent(`start ${index}`);
    tellParent(JSON.stringify({ index, ...outcomeOf(bytes, index) }));
  }
}

/** Written before anything else happens, since the next case may be the last. A full pipe is tried again. */
function tellParent(line: string): void {
  let rest = new TextEncoder().encode(`${line}\n`);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error;
    }
  }
}

async function watch(): Promise<void> {
  const counts = new Map<string, number>();
  const bugs = new Map<string, number[]>();
  const tell = (index: number, { kind, detail }: Outcome): void => {
    const key = kind === 'refused' ? `refused ${detail}` : kind;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (kind === 'bug') bugs.set(placeOf(detail), [...(bugs.get(placeOf(detail)) ?? []), index]);
  };
  for (let next = 0; next < count; ) next = await batch(next, tell);
  for (const [key, n] of [...counts].sort((a, b) => b[1] - a[1])) console.log(`${String(n).padStart(8)} ${key}`);
  for (const [detail, cases] of bugs) console.log(`\nbug, ${cases.length} cases (first: --index ${cases[0]}): ${detail}`);
  process.exitCode = bugs.size > 0 ? 1 : 0;
}

/** The message and the first place of a stack: what tells bugs apart. */
function placeOf(detail: string): string {
  return detail.split('\n').slice(0, 3).join(' ');
}

/** Runs a child from case `from` until it ends or must be ended; returns the first case that it has not done. */
async function batch(from: number, tell: (index: number, outcome: Outcome) => void): Promise<number> {
  const self = fileURLToPath(import.meta.url);
  const args = [
    '--max-old-space-size=1024',
    '--import',
    'tsx',
    self,
    '--from',
    String(from),
    '--count',
    String(count),
    '--seed',
    String(seed),
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let [running, since, ended] = [from, Number.POSITIVE_INFINITY, ''];
  const guard = setInterval(() => {
    if (Date.now() - since > HANG_MILLISECONDS) ended = `hangs for more than ${HANG_MILLISECONDS / 1000} s`;
    else if (residentBytes(child) > MOST_BYTES) ended = `takes more than ${MOST_BYTES} bytes`;
    if (ended !== '') child.kill('SIGKILL');
  }, 100);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('start ')) {
      [running, since] = [Number(line.slice(6)), Date.now()];
      continue;
    }
    const { index, ...outcome }: Outcome & { readonly index: number } = JSON.parse(line);
    [running, since] = [index + 1, Number.POSITIVE_INFINITY];
    tell(index, outcome);
  }
  clearInterval(guard);
  if (running >= count) return count;
  tell(running, { kind: 'bug', detail: ended || 'ends the process' });
  return running + 1;
}

function residentBytes(child: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
  } catch {
    // It has ended, or this system tells no sizes.
    return 0;
  }
}
