import { type Diagnostic, WavecError } from '../../ir/diagnostics.ts';
import { type ImportOptions, importModel } from '../../src/onnx/index.ts';

/** What the import refuses; empty where it succeeds. Any other error than the product's own goes through. */
export function importProblems(bytes: Uint8Array, options: Partial<ImportOptions> = {}): readonly Diagnostic[] {
  try {
    importModel(bytes, { file: 'm.onnx', mode: 'inference', ...options });
  } catch (error) {
    if (error instanceof WavecError) return error.diagnostics;
    throw error;
  }
  return [];
}

/** `CODE node tensor` of each problem. */
export function summary(bytes: Uint8Array, options: Partial<ImportOptions> = {}): string[] {
  return importProblems(bytes, options).map(({ code, place }) => [code, place.node, place.tensor].filter((p) => p !== undefined).join(' '));
}
