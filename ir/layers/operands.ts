import type { Attrs, Phase } from '../graph.ts';
import type { TensorKind, TensorType } from '../tensor.ts';
import { attrProblems } from './attrs.ts';
import { type KindRecord, type OperandSpec, ShapeError } from './record.ts';

/** The description of operand `index`, the last one repeating where it is variadic. */
export function operandAt(specs: readonly OperandSpec[], index: number): OperandSpec | undefined {
  const last = specs.at(-1);
  return specs[index] ?? (last?.variadic ? last : undefined);
}

/** How many operands a layer must have at least; a variadic one occurs at least once. */
export function requiredOperands(specs: readonly OperandSpec[]): number {
  return specs.filter((spec) => !spec.optional).length;
}

/** How many outputs the training step asks for: the required ones, and what backward needs of forward. */
export function trainingOutputs(record: KindRecord): number {
  return record.outputs.filter((spec) => !spec.optional || spec.savedForBackward).length;
}

/** Whether all samples share the operand; otherwise dimension 0 is the mini-batch. */
export function isShared(spec: OperandSpec, attrs: Attrs): boolean {
  return spec.shared === true || (spec.sharedIf !== undefined && attrs[spec.sharedIf] === true);
}

const RESULT_KINDS: Record<Phase, TensorKind> = { forward: 'activation', backward: 'activationGradient', update: 'optimizerState' };

/** The tensor kind of a result where the layer does not say otherwise. */
export function resultKind(spec: OperandSpec, phase: Phase): TensorKind {
  return spec.resultKind ?? RESULT_KINDS[phase];
}

function checkCount(what: string, specs: readonly OperandSpec[], count: number): void {
  const least = requiredOperands(specs);
  const most = specs.at(-1)?.variadic ? Number.POSITIVE_INFINITY : specs.length;
  if (count >= least && count <= most) return;
  const expected = most === Number.POSITIVE_INFINITY ? `at least ${least}` : least === most ? `${least}` : `${least} to ${most}`;
  throw new ShapeError(`${count} ${what}, expected ${expected} (${specs.map((s) => s.name).join(', ')})`);
}

/**
 * Types of the results of a layer, after checking what holds for all kinds: number and element types of the operands,
 * attributes, one mini-batch in all operands that have one.
 * @throws ShapeError saying what contradicts.
 */
export function inferTypes(
  record: KindRecord,
  inputs: readonly TensorType[],
  attrs: Attrs,
  wanted = requiredOperands(record.outputs),
): TensorType[] {
  checkCount('inputs', record.inputs, inputs.length);
  checkCount('outputs', record.outputs, wanted);
  const [problem] = attrProblems(record.attrs, attrs);
  if (problem !== undefined) throw new ShapeError(`attribute ${problem}`);
  let batch: number | undefined;
  inputs.forEach((type, i) => {
    const spec = operandAt(record.inputs, i);
    if (spec === undefined) return;
    if (!spec.dtypes.includes(type.dtype))
      throw new ShapeError(`input ${spec.name} is ${type.dtype}, expected ${spec.dtypes.join(' or ')}`);
    if (isShared(spec, attrs)) return;
    const n = type.shape[0];
    if (n === undefined) throw new ShapeError(`input ${spec.name} has no dimensions, expected the mini-batch first`);
    batch ??= n;
    if (n !== batch) throw new ShapeError(`input ${spec.name} has ${n} samples, other inputs have ${batch}`);
  });
  return record.infer(inputs, attrs, wanted);
}
