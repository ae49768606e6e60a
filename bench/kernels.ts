// GFLOP/s of a convolution of full waves on one thread and on two: the bare wave kernel, the whole path of the matrix unit, and for
// orientation the ONNX runtime, in f32, on as many threads. The fastest of the tries within some seconds.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { onnxModel } from '../test/onnx-model.ts';
import { CHANNELS, FILTER, fastest, SIZE, waveRates } from './wave.ts';

const SECONDS = 4;

async function runtime(threads: number): Promise<number> {
  const declared = [
    { name: 'x', shape: [1, CHANNELS, SIZE, SIZE] },
    { name: 'w', shape: [CHANNELS, CHANNELS, FILTER, FILTER] },
  ];
  const model = onnxModel(declared, [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attributes: { pads: [1, 1, 1, 1] } }], ['y']);
  const session = await InferenceSession.create(model, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  const feeds = Object.fromEntries(
    declared.map(({ name, shape }) => [name, new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), shape)]),
  );
  return fastest(SECONDS, () => session.run(feeds));
}

for (const threads of [1, 2]) {
  const { bare, path } = await waveRates(threads, SECONDS);
  console.log(
    `${threads} thread${threads === 1 ? '' : 's'}: wave ${bare.toFixed(1)} GFLOP/s, fill + load + wave + drain ${path.toFixed(1)} GFLOP/s ` +
      `(${((100 * path) / bare).toFixed(0)} % of the wave), ONNX runtime ${(await runtime(threads)).toFixed(1)} GFLOP/s`,
  );
}
