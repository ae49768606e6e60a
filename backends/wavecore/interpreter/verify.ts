import { TENSOR_KINDS, type TensorKind } from '../../../ir/tensor.ts';
import type { Program } from '../program.ts';
import type { RunResult } from './result.ts';

/** One count that differs from the prediction, in bytes. */
export interface Difference {
  readonly layer: string;
  readonly kind: TensorKind;
  readonly direction: 'read' | 'write';
  readonly predicted: number;
  readonly counted: number;
}

export interface Verification {
  readonly ok: boolean;
  /** One sentence a difference, in the order of the program. */
  readonly problems: readonly string[];
  readonly firstDifference?: Difference;
}

/** Compares the traffic that a run counted with what the compiler predicted: both must be equal for every layer, tensor kind and direction. */
export function verify(program: Program, result: Pick<RunResult, 'byLayer'>): Verification {
  const { predicted } = program;
  const { byLayer } = result;
  const names = new Set([...Object.keys(byLayer), ...Object.keys(predicted)]);
  const differences: Difference[] = [];
  for (const layer of names) {
    for (const kind of TENSOR_KINDS) {
      for (const direction of ['read', 'write'] as const) {
        const [expected, counted] = [predicted[layer]?.[kind]?.[direction] ?? 0, byLayer[layer]?.[kind]?.[direction] ?? 0];
        if (expected !== counted) differences.push({ layer, kind, direction, predicted: expected, counted });
      }
    }
  }
  const [firstDifference] = differences;
  return {
    ok: differences.length === 0,
    problems: differences.map((d) => `layer '${d.layer}' ${d.direction}s ${d.counted} bytes of ${d.kind}, predicted ${d.predicted}`),
    ...(firstDifference === undefined ? {} : { firstDifference }),
  };
}
