import { diag, fail } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';

/** Samples and what their scores are compared with, all in memory. */
export interface DataSet {
  /** Where it comes from, for messages. */
  readonly name: string;
  readonly count: number;
  /** Of one sample, without the mini-batch. */
  readonly shape: readonly number[];
  /** All samples, row-major. */
  readonly samples: Float32Array | Uint8Array;
  /** One class a sample, or the values of one target a sample. */
  readonly targets: Int32Array | Float32Array;
  readonly targetShape: readonly number[];
}

/** What is done to the elements of samples: (value · factor − mean) / deviation. */
export interface Scaling {
  readonly mean: number;
  readonly deviation: number;
}

/** Bytes are levels of brightness: 255 is 1. */
const BYTE = 1 / 255;

/** Whether two shapes say the same but for leading dimensions of 1. */
function sameShape(a: readonly number[], b: readonly number[]): boolean {
  const trimmed = (shape: readonly number[]): string => shape.join('x').replace(/^(1(x|$))+/, '');
  return trimmed(a) === trimmed(b);
}

/** @throws WavecError BAD_DATA where samples or targets are not what a program takes */
export function checkData(data: DataSet, shape: readonly number[], target: readonly number[], classes: number | undefined): void {
  const place = { file: data.name };
  const wrong = (reason: string): never => fail(diag.badData(place, reason));
  if (data.count === 0) wrong('it has no samples');
  if (!sameShape(data.shape, shape)) wrong(`its samples are ${data.shape.join('x')}, the model takes ${shape.join('x')}`);
  if (classes === undefined) {
    if (!sameShape(data.targetShape, target)) wrong(`its targets are ${data.targetShape.join('x')}, the model gives ${target.join('x')}`);
    return;
  }
  if (elementCount(data.targetShape) !== 1) wrong(`its targets are ${data.targetShape.join('x')}, and one class for each sample is needed`);
  data.targets.forEach((label, i) => {
    if (!Number.isInteger(label) || label < 0 || label >= classes)
      wrong(`the class of sample ${i} is ${label}, the model has classes 0 to ${classes - 1}`);
  });
}

/** Some samples, one behind the other, scaled. */
export function gather(data: DataSet, indices: ArrayLike<number>, { mean, deviation }: Scaling): Float32Array {
  const { samples } = data;
  const size = elementCount(data.shape);
  const factor = samples instanceof Uint8Array ? BYTE : 1;
  const values = new Float32Array(indices.length * size);
  for (let n = 0; n < indices.length; n++) {
    const from = (indices[n] ?? 0) * size;
    for (let i = 0; i < size; i++) values[n * size + i] = ((samples[from + i] ?? 0) * factor - mean) / deviation;
  }
  return values;
}

/** The targets of some samples. */
export function gatherTargets({ targets, targetShape }: DataSet, indices: ArrayLike<number>): Int32Array | Float32Array {
  const size = elementCount(targetShape);
  const values = targets instanceof Int32Array ? new Int32Array(indices.length * size) : new Float32Array(indices.length * size);
  for (let n = 0; n < indices.length; n++) {
    const from = (indices[n] ?? 0) * size;
    values.set(targets.subarray(from, from + size), n * size);
  }
  return values;
}
