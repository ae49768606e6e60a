import { readdirSync, readFileSync, statSync } from 'node:fs';
import { material } from '../material.ts';

/** Larger files spend their time in copying. */
const MOST_BYTES = 100_000;

/** One in so many of ONNX's cases and of the bad files, which are many and alike. */
const STEP = 4;

/** How often a model counts, since whole networks have the most to damage. */
const WEIGHT = 4;

const some = (paths: readonly string[]): string[] => paths.filter((_, i) => i % STEP === 0);

/** Real models: networks without weights, small models, cases of single operators, and bad files. */
export function seedFiles(): Uint8Array[] {
  const models = [...listed('models'), ...listed('networks')];
  const paths = [...Array.from({ length: WEIGHT }, () => models).flat(), ...some(listed('conformance')), ...some(listed('bad'))];
  return paths
    .filter((path) => statSync(path).size <= MOST_BYTES && statSync(path).size > 0)
    .map((path) => new Uint8Array(readFileSync(path)));
}

function listed(folder: string): string[] {
  const entries = readdirSync(material(folder), { recursive: true, withFileTypes: true });
  const paths = entries.filter((f) => f.isFile() && f.name.endsWith('.onnx')).map((f) => `${f.parentPath}/${f.name}`);
  return paths.sort();
}
