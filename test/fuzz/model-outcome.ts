import { WavecError } from '../../ir/diagnostics.ts';
import { verify } from '../../ir/verify.ts';
import { importModel } from '../../src/onnx/index.ts';
import { mutated } from './model-mutations.ts';
import { Random } from './random.ts';

export interface Outcome {
  readonly kind: 'accepted' | 'refused' | 'bug';
  /** What went wrong, or the code of the first message. */
  readonly detail: string;
}

/** Case `index` of a seed: the same bytes on every machine that has the same files. */
export function mutant(files: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const r = new Random(Math.imul(seed, 0x9e3779b1) + index);
  return mutated(r.pick(files), r.pick(files), r);
}

/** Imports a model: accepted with a sound graph, refused by the product's own messages, or a bug. */
export function outcomeOf(bytes: Uint8Array, index: number): Outcome {
  const mode = index % 2 === 0 ? 'inference' : 'training';
  const batch = [undefined, 1, 2][index % 3];
  try {
    const problems = verify(importModel(bytes, { file: 'mutant.onnx', mode, batch }));
    return problems[0] === undefined
      ? { kind: 'accepted', detail: '' }
      : { kind: 'bug', detail: `unsound graph: ${problems[0].code} ${problems[0].message}` };
  } catch (error) {
    if (!(error instanceof WavecError))
      return { kind: 'bug', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    const internal = error.diagnostics.find((d) => d.code === 'INTERNAL');
    return internal ? { kind: 'bug', detail: internal.message } : { kind: 'refused', detail: error.diagnostics[0]?.code ?? '' };
  }
}
