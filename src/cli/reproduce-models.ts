import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelSource } from '../reproduce/run-job.ts';
import { readBytes } from './files.ts';
import { PACKAGE_FOLDER } from './package-folder.ts';

/** The bundled models. */
export const BUNDLED_MODELS = fileURLToPath(new URL('examples/models', PACKAGE_FOLDER));

/** The models of a folder, one a network: NAME.train.onnx. */
export function modelsIn(folder: string): ModelSource {
  return (network) => {
    const file = `${network}.train.onnx`;
    return { file, bytes: readBytes(join(folder, file)) };
  };
}
