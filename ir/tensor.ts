/** Element types of the layer IR. `bit` packs eight elements a byte, each sample starting on a byte boundary. */
export const DTYPES = ['f16', 'f32', 'i32', 'i64', 'u8', 'bit'] as const;
export type DType = (typeof DTYPES)[number];

/** What a tensor is to the training step; traffic is counted by these kinds (design: machine, traffic). */
export const TENSOR_KINDS = [
  'input',
  'weight',
  'weightGradient',
  'activation',
  'stash',
  'maskIndex',
  'activationGradient',
  'statistics',
  'optimizerState',
  'output',
] as const;
export type TensorKind = (typeof TENSOR_KINDS)[number];

/** A static shape and element type. Activations are NCHW with the mini-batch first. */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const ELEMENT_BYTES: Record<Exclude<DType, 'bit'>, number> = { f16: 2, f32: 4, i32: 4, i64: 8, u8: 1 };

/** Product of the dimensions; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, d) => product * d, 1);
}

/** Bytes of `elements` adjacent elements of one sample. */
export function bytesOf(dtype: DType, elements: number): number {
  return dtype === 'bit' ? Math.ceil(elements / 8) : elements * ELEMENT_BYTES[dtype];
}

/** Elements of one sample: the product of all dimensions but the first. */
export function sampleElements(type: TensorType): number {
  return elementCount(type.shape.slice(1));
}

/** Bytes of one sample of a tensor whose first dimension is the mini-batch. */
export function sampleBytes(type: TensorType): number {
  return bytesOf(type.dtype, sampleElements(type));
}

/** Bytes of the whole tensor as it lies in DRAM. */
export function tensorBytes(type: TensorType): number {
  if (type.dtype === 'bit') return (type.shape[0] ?? 1) * sampleBytes(type);
  return bytesOf(type.dtype, elementCount(type.shape));
}

export function formatType(type: TensorType): string {
  return `${type.dtype}[${type.shape.join('x')}]`;
}

/** The type that `formatType` writes as `text`; undefined for any other text. */
export function parseType(text: string): TensorType | undefined {
  const [, name, dimensions] = /^(\w+)\[((?:\d+(?:x\d+)*)?)\]$/.exec(text) ?? [];
  const dtype = DTYPES.find((d) => d === name);
  if (dtype === undefined || dimensions === undefined) return undefined;
  return { dtype, shape: dimensions === '' ? [] : dimensions.split('x').map(Number) };
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);
}
