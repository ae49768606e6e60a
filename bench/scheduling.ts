// Seconds to schedule training steps of full-size networks, 32 samples a core, each in a process of its own, as a compilation does it: the least
// and the most of several runs. `npx tsx bench/scheduling.ts [RUNS]`
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { scheduleGraph } from '../passes/mbs/index.ts';
import type { ScheduleName } from '../passes/mbs/schedule.ts';
import { resolveSettings, runPasses } from '../src/api.ts';
import { loadModel } from '../src/model.ts';

const RUNS = 5;
const BATCH = 32;
const CASES: readonly (readonly [network: string, schedule: ScheduleName, norm?: 'keep'])[] = [
  ['resnet50', 'mbs2'],
  ['resnet152', 'mbs2'],
  ['resnet152', 'mbs2', 'keep'],
  ['inception_v4', 'mbs2'],
  ['resnet152', 'opt'],
];

function secondsFor(network: string, schedule: ScheduleName, norm?: 'keep'): number {
  const file = `${network}.train.onnx`;
  const model = loadModel(readFileSync(new URL(`../examples/models/${file}`, import.meta.url)), { file, batch: BATCH });
  const settings = resolveSettings({ file, batch: BATCH, schedule, ...(norm === undefined ? {} : { norm: { kind: norm } }) });
  const { graph } = runPasses(model, settings, { stopAfter: 'training' });
  const start = performance.now();
  scheduleGraph(graph, schedule, settings.resources, settings);
  return (performance.now() - start) / 1e3;
}

const [only, ...rest] = process.argv.slice(2);
const chosen = CASES[Number(rest[0])];
if (only === 'case' && chosen !== undefined) {
  console.log(secondsFor(...chosen));
} else {
  const runs = Number(only ?? RUNS);
  console.log('| network | schedule | normalization | least (s) | most (s) |\n|---|---|---|---|---|');
  CASES.forEach(([network, schedule, norm], i) => {
    const seconds = Array.from({ length: runs }, () => {
      const { stdout, status } = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), 'case', String(i)]);
      if (status !== 0) throw new Error(`${network} under ${schedule} failed`);
      return Number(stdout);
    });
    console.log(
      `| ${network} | ${schedule} | ${norm ?? 'replaced'} | ${Math.min(...seconds).toFixed(2)} | ${Math.max(...seconds).toFixed(2)} |`,
    );
  });
}
