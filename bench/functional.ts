// A functional training step of ResNet-50 (224×224, mbs2), one thread and all cores: time, what of it the multiplications alone take
// at the rate of the bare wave kernel on as many threads, peak memory. Arguments: samples, numbers of threads.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { compile, type InputValue, type ProgramSymbol, run } from '../src/index.ts';
import { nodeThreads } from '../src/node/threads.ts';
import { generator } from '../test/ir/values.ts';
import { waveRates } from './wave.ts';

const CLASSES = 1000;
const [batch = 8, ...counts] = process.argv.slice(2).map(Number);
const file = 'resnet50.train.onnx';
const program = compile(readFileSync(new URL(`../examples/models/${file}`, import.meta.url)), { file, batch });

const random = generator(1);

function inputOf({ dtype, shape }: ProgramSymbol): InputValue {
  const length = shape.reduce((a, b) => a * b, 1);
  if (dtype === 'i32') return Int32Array.from({ length }, () => Math.floor(CLASSES * random()));
  return Float32Array.from({ length }, () => 2 * random() - 1);
}

const inputs = new Map(program.symbols.filter((s) => s.role === 'input').map((s) => [s.name, inputOf(s)]));
for (const threads of counts.length > 0 ? counts : [1, availableParallelism()]) {
  const { bare } = await waveRates(threads, 1);
  const start = performance.now();
  const before = process.cpuUsage();
  const { macs } = run(program, { mode: 'functional', inputs, threads: nodeThreads(threads) });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  const gflop = (2 * macs) / 1e9;
  console.log(
    `${program.model}, ${batch} samples, ${threads} thread${threads === 1 ? '' : 's'}: ${seconds.toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of processors), ${(gflop / seconds).toFixed(1)} GFLOP/s; ` +
      `the multiplications alone at ${bare.toFixed(1)} GFLOP/s: ${(gflop / bare).toFixed(2)} s (${((100 * gflop) / bare / seconds).toFixed(0)} %); ` +
      `peak memory so far ${(process.resourceUsage().maxRSS / 2 ** 20).toFixed(2)} GiB`,
  );
}
