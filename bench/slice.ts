// What the command line costs, as whole processes: compile (model file to program file) and a timing run, with peak memory,
// and the traffic of mbs2 against baseline, both counted. Build first; VGG-19 needs ../shared/onnx.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const bundled = (name: string): string => join(root, 'examples/models', name);
const MODELS = [
  bundled('resnet50.train.onnx'),
  bundled('alexnet.train.onnx'),
  bundled('densenet121.train.onnx'),
  join(root, '../shared/onnx/networks/light_vgg19.onnx'),
];

interface Measured {
  readonly stdout: string;
  readonly seconds: number;
  readonly peakBytes: number;
}

function wavec(...args: string[]): Measured {
  const start = performance.now();
  const done = spawnSync(process.execPath, ['--import', join(root, 'bench/report-peak.mjs'), join(root, 'dist/src/cli/main.js'), ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const seconds = (performance.now() - start) / 1000;
  if (done.status !== 0) throw new Error(done.stderr);
  const peak = /peak (\d+)/.exec(done.stderr)?.[1];
  return { stdout: done.stdout, seconds, peakBytes: Number(peak) };
}

const folder = mkdtempSync(join(tmpdir(), 'wavec-slice-'));
try {
  for (const model of MODELS) {
    if (!existsSync(model)) {
      console.log(`${model}: not here, not measured`);
      continue;
    }
    const traffic = new Map<string, number>();
    for (const schedule of ['baseline', 'mbs2']) {
      const program = join(folder, `${schedule}.wvc`);
      const compiled = wavec('compile', model, '--batch', '32', '--schedule', schedule, '-o', program, '--json');
      const ran = wavec('run', program, '--mode', 'timing', '--verify', '--json');
      const result: { traffic: { total: number }; seconds: number; energy: { total: number }; verify: { ok: boolean } } = JSON.parse(
        ran.stdout,
      );
      traffic.set(schedule, result.traffic.total);
      const GiB = 2 ** 30;
      console.log(
        `${model.split('/').at(-1)} ${schedule}: compile ${compiled.seconds.toFixed(2)} s, ${(compiled.peakBytes / GiB).toFixed(2)} GiB; run ${ran.seconds.toFixed(2)} s, ` +
          `${(ran.peakBytes / GiB).toFixed(2)} GiB; ${(result.traffic.total / 1e9).toFixed(3)} GB, ${(result.seconds * 1e3).toFixed(1)} ms, ${result.energy.total.toFixed(3)} J, verify ${result.verify.ok}`,
      );
    }
    const [before = 1, after = 0] = [traffic.get('baseline'), traffic.get('mbs2')];
    console.log(`  mbs2 moves ${((1 - after / before) * 100).toFixed(1)} % less than baseline`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
