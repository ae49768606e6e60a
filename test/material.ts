import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../shared/onnx/', import.meta.url));

/** Whether the ONNX material lies beside the project. Suites that need it use `describe.skipIf(!hasMaterial)`. */
export const hasMaterial = existsSync(root);

if (!hasMaterial) {
  const message = `ONNX material is not at ${root}: tests that need it do not run.`;
  if (process.env.CI) throw new Error(message);
  console.warn(message);
}

/** Absolute path of a file of the ONNX material, named relative to its root. */
export function material(path: string): string {
  return root + path;
}
