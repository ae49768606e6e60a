import type { TensorProto } from './model.ts';

/** Bytes of another file that hold the values of a tensor. */
export interface ExternalRange {
  /** Path of the file, relative to the directory of the model. */
  readonly location: string;
  /** First byte. */
  readonly offset: number;
  readonly length: number;
}

/** Reads a range of a file that belongs to the model. @throws WavecError where that cannot or must not be done */
export type ExternalReader = (range: ExternalRange) => Uint8Array;

const EXTERNAL = 1;

/** Where the values of a tensor lie, if it is not in the model itself; `bytes` is what its elements take. */
export function externalRange(tensor: TensorProto, bytes: number): ExternalRange | undefined {
  const entries = new Map((tensor.externalData ?? []).map((e) => [e.key ?? '', e.value ?? '']));
  if (tensor.dataLocation !== EXTERNAL && entries.size === 0) return undefined;
  const number = (key: string, otherwise: number): number => {
    const text = entries.get(key);
    return text === undefined || text === '' ? otherwise : Number(text);
  };
  return { location: entries.get('location') || 'unnamed', offset: number('offset', 0), length: number('length', bytes) };
}
