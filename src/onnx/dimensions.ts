import { type Diagnostic, diag, fail, type Place, WavecError } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { ELEMENT_TYPES, elementTypeName } from './element-types.ts';
import type { Declaration, Dimension, OnnxModel } from './model.ts';
import { MOST_ELEMENTS } from './value.ts';

export interface BindOptions {
  /** Whether dimension 0 of every input is the mini-batch. */
  readonly batched: boolean;
  readonly batch?: number;
  readonly bind?: Readonly<Record<string, number>>;
}

interface BoundInput {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The graph inputs with all dimensions known. */
export interface BoundInputs {
  readonly batch: number;
  /** Dimension 0 that the model was exported with, where that was a number. */
  readonly exportedBatch: number | undefined;
  readonly inputs: readonly BoundInput[];
  /** Sizes of symbolic dimensions. */
  readonly symbols: ReadonlyMap<string, number>;
}

const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 1;

function checkOptions(model: OnnxModel, options: BindOptions, place: Place): void {
  const symbols = new Set(
    [...model.inputs, ...model.outputs, ...model.valueInfo].flatMap((d) => d.shape ?? []).filter((d) => typeof d === 'string'),
  );
  const problems: Diagnostic[] = [];
  if (options.batch !== undefined && !isSize(options.batch)) {
    problems.push(diag.usage(place, `the mini-batch must be a positive integer, not ${options.batch}`));
  }
  for (const [name, size] of Object.entries(options.bind ?? {})) {
    if (!isSize(size)) problems.push(diag.usage(place, `dimension '${name}' must be a positive integer, not ${size}`));
    const known = [...symbols].map((s) => `'${s}'`).join(', ') || 'none';
    if (!symbols.has(name)) problems.push(diag.usage(place, `the model has no dimension '${name}' to bind; it has ${known}`));
  }
  if (problems.length > 0) throw new WavecError(problems, 2);
}

/**
 * Gives every data input (graph inputs in use that no initializer gives) its shape. Dimension 0 is the mini-batch.
 * @throws WavecError with every UNBOUND_DIMENSION, BAD_INPUT and UNSUPPORTED_TYPE, or USAGE (exit code 2)
 */
export function bindInputs(model: OnnxModel, used: ReadonlySet<string>, options: BindOptions, place: Place): BoundInputs {
  checkOptions(model, options, place);
  const constants = new Set(model.initializers.map((t) => t.name ?? ''));
  const declared = model.inputs.filter((d) => used.has(d.name) && !constants.has(d.name));
  const problems: Diagnostic[] = declared.flatMap((d) => inputProblems(d, options.batched, place));
  const symbols = new Map(Object.entries(options.bind ?? {}));
  for (const { shape } of declared) {
    const first = shape?.[0];
    if (typeof first === 'string' && options.batch !== undefined && !symbols.has(first)) symbols.set(first, options.batch);
  }
  const sizeOf = (d: Dimension): number | undefined => (typeof d === 'string' ? symbols.get(d) : d);
  const batches = new Set<number>();
  const inputs = declared.map(({ name, shape = [] }): BoundInput => {
    const sizes = shape.map((d, axis) => {
      const size = axis === 0 && typeof d !== 'string' ? (options.batch ?? d) : sizeOf(d);
      if (size === undefined) problems.push(diag.unboundDimension({ ...place, tensor: name }, typeof d === 'string' ? d : '', axis));
      else if (!isSize(size)) problems.push(diag.badInput({ ...place, tensor: name }, `dimension ${axis} is ${size}`));
      return size ?? 1;
    });
    if (elementCount(sizes) > MOST_ELEMENTS) problems.push(diag.badInput({ ...place, tensor: name }, `[${sizes.join(', ')}] is too large`));
    if (options.batched && sizes[0] !== undefined) batches.add(sizes[0]);
    return { name, shape: sizes };
  });
  if (problems.length > 0) throw new WavecError(problems);
  const [batch = 1, other] = batches;
  if (other !== undefined) fail(diag.noMiniBatch(place, `inputs disagree on it: ${batch} and ${other}`));
  const exported = declared.map((d) => d.shape?.[0]).find((d) => typeof d === 'number');
  return { batch, exportedBatch: exported, inputs, symbols };
}

function inputProblems(input: Declaration, batched: boolean, place: Place): Diagnostic[] {
  const at = { ...place, tensor: input.name };
  if (input.shape === undefined) return [diag.badInput(at, 'it is no tensor, or declares no shape')];
  if (batched && input.shape.length === 0) return [diag.noMiniBatch(at, 'it is a scalar')];
  const type = input.elementType ?? 0;
  return ELEMENT_TYPES.get(type)?.elements === 'float' ? [] : [diag.unsupportedType(at, `${elementTypeName(type)} of a graph input`)];
}
