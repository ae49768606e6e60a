import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Threads } from '../../backends/wavecore/index.ts';

/** Plain text, so that it runs the same from sources, from the build and from a bundle. */
const HELPER = `
const { module, memory, numbers } = require('node:worker_threads').workerData;
new WebAssembly.Instance(module, { env: { memory } }).exports.serve(...numbers);
`;

/** More would find nothing to do: a wave of the default machine has so many groups of four rows. */
export const MAX_THREADS = 64;

/** Threads of Node for the kernels of a run; by default one a core. */
export function nodeThreads(count: number = Math.min(availableParallelism(), MAX_THREADS)): Threads {
  return {
    count,
    start: (module, memory, numbers) => {
      const worker = new Worker(HELPER, { eval: true, execArgv: [], workerData: { module, memory, numbers } });
      // A thread that cannot start leaves its work to the others.
      worker.on('error', () => undefined);
      worker.unref();
    },
  };
}
