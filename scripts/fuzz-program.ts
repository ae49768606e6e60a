// Feeds mutated program files to reader, disassembler and interpreter, and prints what became of them, by kind of mutation.
// npm run fuzz:program -- --count 20000 --seed 1; --only N repeats one case. Exit code 1 where a bug was found.
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Campaign } from '../test/fuzz/campaign.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' }, only: { type: 'string' } },
});
const seed = Number(values.seed);
const [from, to] = values.only === undefined ? [0, Number(values.count)] : [Number(values.only), Number(values.only) + 1];
const MOST_SECONDS = 30;

/** Ends the process where one case takes too long; runs beside the cases, which cannot be interrupted from within. */
const MONITOR = `
  const { workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const cases = new Int32Array(workerData.cases);
  for (;;) {
    const current = Atomics.load(cases, 0);
    if (Atomics.wait(cases, 0, current, ${MOST_SECONDS * 1000}) !== 'timed-out') continue;
    writeSync(2, 'bug: case ' + current + ' of seed ${seed} takes more than ${MOST_SECONDS} s\\n');
    process.kill(process.pid, 'SIGKILL');
  }`;

const cases = new SharedArrayBuffer(4);
const current = new Int32Array(cases);
const campaign = new Campaign(seed);
const monitor = new Worker(MONITOR, { eval: true, workerData: { cases } });
const progress = process.stderr.isTTY;
const started = process.memoryUsage().rss;
let peak = started;
const { outcomes, bugs } = campaign.run(from, to, (number) => {
  Atomics.store(current, 0, number + 1);
  Atomics.notify(current, 0);
  if (number % 500 !== 0) return;
  peak = Math.max(peak, process.memoryUsage().rss);
  if (progress) process.stderr.write(`\r${number} of ${to}`);
});
await monitor.terminate();
if (progress) process.stderr.write('\n');

console.table(outcomes);
console.log(`${to - from} files, ${bugs.length} bugs, memory at most ${Math.round(peak / 2 ** 20)} MiB`);
for (const { number, mutation, error } of bugs) {
  console.log(`bug: case ${number} (${mutation}): ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
}
process.exitCode = bugs.length > 0 ? 1 : 0;
