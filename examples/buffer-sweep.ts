// How the traffic of AlexNet's training step falls when the global buffer grows.
import { readFileSync } from 'node:fs';
import { compile, readMachineFile, run } from '../src/index.ts';

const model = readFileSync(new URL('models/alexnet.train.onnx', import.meta.url));

for (const mebibytes of [2, 5, 10, 20]) {
  const machine = readMachineFile(`extends: wavecore\nbuffers: { globalBytes: ${mebibytes * 2 ** 20} }`, `${mebibytes} MiB`);
  const { traffic } = run(compile(model, { file: 'alexnet.onnx', batch: 32, machine }), { mode: 'timing' });
  console.log(`${machine.name.padStart(6)}: ${(traffic.total / 1e9).toFixed(3)} GB`);
}

// Prints:
//  2 MiB: 1.540 GB
//  5 MiB: 1.443 GB
// 10 MiB: 1.410 GB
// 20 MiB: 1.400 GB
