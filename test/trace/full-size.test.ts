import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { compile, run, TraceRecorder } from '../../src/index.ts';

const MEGABYTES = 1e6;

it('the trace of ResNet-152, 32 samples, stays under 50 MB and comes in small pieces', () => {
  const model = readFileSync(new URL('../../examples/models/resnet152.train.onnx', import.meta.url));
  const program = compile(model, { file: 'resnet152.onnx', batch: 32, schedule: 'mbs2' });
  const recorder = new TraceRecorder(program);
  const result = run(program, { mode: 'timing', observer: recorder });
  const text = recorder.text(result);
  let [bytes, largest] = [0, 0];
  for (const piece of text) {
    bytes += Buffer.byteLength(piece);
    largest = Math.max(largest, piece.length);
  }
  expect(bytes).toBeLessThan(50 * MEGABYTES);
  expect(bytes).toBeGreaterThan(10 * MEGABYTES);
  expect(largest).toBeLessThan(0.1 * MEGABYTES);
  expect(recorder.form).toContain('merged over gaps of up to');
}, 120_000);
