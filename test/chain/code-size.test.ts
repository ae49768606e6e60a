import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { compile } from '../../src/index.ts';

const file = fileURLToPath(new URL('../../examples/models/alexnet.train.onnx', import.meta.url));

// Iterations, chunks and tiles are loops; only remainders are code of their own, and whether there are any depends on N.
it.each(['baseline', 'mbs2'] as const)('four times the mini-batch is hardly more code: %s', (schedule) => {
  const model = readFileSync(file);
  const instructions = (batch: number): number => compile(model, { file, batch, schedule }).code.length;
  expect(instructions(1024)).toBeLessThan(1.2 * instructions(256));
});
