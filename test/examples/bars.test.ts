import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { NetworkBuilder } from '../chain/network.ts';

const file = fileURLToPath(new URL('../../examples/models/bars.onnx', import.meta.url));

/** Set to write the model anew. */
const bless = process.env.BLESS !== undefined;

/** The network that the examples train. */
function bars(): Uint8Array {
  const b = new NetworkBuilder([16, 1, 12, 12], 3);
  const features = b.maxPool(b.relu(b.conv(b.input, 16, { kernel: 3, pad: 1 }, { bias: true })), { kernel: 2, stride: 2 });
  const normed = b.relu(b.norm(b.conv(features, 32, { kernel: 3, pad: 1 })));
  return b.model(b.full(b.flatten(b.globalPool(normed)), 4));
}

it('bars.onnx is what this makes', () => {
  if (bless) writeFileSync(file, bars());
  expect(Buffer.from(bars()).equals(readFileSync(file))).toBe(true);
});
