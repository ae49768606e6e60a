// Wall time of compiling and executing (timing mode) one training step of every bundled network.
import { readdirSync, readFileSync } from 'node:fs';
import { compile, run } from '../src/index.ts';

const folder = new URL('../examples/models/', import.meta.url);

function timed<T>(action: () => T): { readonly value: T; readonly seconds: number } {
  const start = performance.now();
  const value = action();
  return { value, seconds: (performance.now() - start) / 1000 };
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.train.onnx'))) {
  const model = readFileSync(new URL(file, folder));
  const compiled = timed(() => compile(model, { file, batch: 32 }));
  const ran = timed(() => run(compiled.value, { mode: 'timing' }));
  const rate = ran.value.instructions / ran.seconds / 1e6;
  console.log(
    `${compiled.value.model.padEnd(18)} compile ${compiled.seconds.toFixed(2)} s, run ${ran.seconds.toFixed(2)} s, ${rate.toFixed(1)} M instructions/s`,
  );
}
