import { type Diagnostic, diag, type Place } from '../../ir/diagnostics.ts';
import type { ActivationOperand } from './context.ts';
import type { BoundInputs } from './dimensions.ts';
import { ELEMENT_TYPES, elementTypeName } from './element-types.ts';
import type { Declaration } from './model.ts';

/** What the model declares of an activation (value_info, graph output) against what its operators give. */
export function declarationProblems(
  info: Declaration,
  result: ActivationOperand,
  bound: BoundInputs,
  batched: boolean,
  node: Place,
): Diagnostic[] {
  const place = { ...node, tensor: info.name };
  const { elementType, shape } = info;
  const problems: Diagnostic[] = [];
  if (elementType !== undefined && ELEMENT_TYPES.get(elementType)?.elements !== 'float') {
    problems.push(diag.unsupportedType(place, `${elementTypeName(elementType)} of an activation`));
  }
  // Exporters that know no shape write none or an empty one, and a scalar as a list of one.
  if (shape === undefined || shape.length === 0) return problems;
  const sizes = shape.map((d) => (typeof d === 'string' ? bound.symbols.get(d) : d));
  // Numbers stand for the mini-batch of the export, and mean nothing where the inputs leave it open.
  const expected = result.shape.map((d, i) => (i === 0 && batched && typeof shape[0] === 'number' ? (bound.exportedBatch ?? shape[0]) : d));
  const isScalar = result.shape.length === 0 && sizes.length === 1 && sizes[0] === 1;
  const agrees = isScalar || (sizes.length === expected.length && sizes.every((d, i) => d === undefined || d === expected[i]));
  if (!agrees) problems.push(diag.shapeContradiction(place, `[${expected.join(', ')}]`, `[${shape.map((d) => d ?? '?').join(', ')}]`));
  return problems;
}
