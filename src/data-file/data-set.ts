import { diag, fail } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { readNpy } from '../tensor-file/npy.ts';
import type { DataSet } from '../train/data-set.ts';
import { isIdx, readIdx } from './idx.ts';
import { readPnm } from './pnm.ts';

/** A file and what it holds. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

interface Table {
  readonly shape: readonly number[];
  readonly values: Uint8Array | Float32Array;
}

/** Samples and targets of two files, .npy or IDX, whose dimension 0 counts the samples. @throws WavecError BAD_DATA, BAD_TENSOR_FILE */
export function dataSetOfPair(samples: NamedFile, targets: NamedFile): DataSet {
  const [x, y] = [readTable(samples), readTable(targets)];
  const [count = 0, ...shape] = x.shape;
  const [targetCount = 0, ...targetShape] = y.shape;
  if (count !== targetCount)
    fail(diag.badData({ file: samples.name }, `it has ${count} samples, and '${targets.name}' has ${targetCount} targets`));
  const whole = y.values.every(Number.isInteger) && elementCount(targetShape) === 1;
  return {
    name: samples.name,
    count,
    shape,
    samples: x.values,
    targets: whole ? Int32Array.from(y.values) : Float32Array.from(y.values),
    targetShape,
  };
}

/** Bytes stay bytes, which are levels of brightness; all else is f32. */
function readTable({ name, bytes }: NamedFile): Table {
  if (isIdx(bytes)) return readIdx(bytes, name);
  const { type, shape, values } = readNpy(bytes, name);
  return { shape, values: type === 'u1' ? Uint8Array.from(values) : Float32Array.from(values) };
}

/** Images of one class. */
export interface ClassFolder {
  readonly name: string;
  readonly images: readonly NamedFile[];
}

/** A data set of images by class, the classes numbered in the order given; all images have one size. @throws WavecError BAD_DATA, BAD_IMAGE */
export function dataSetOfFolders(name: string, folders: readonly ClassFolder[]): DataSet {
  const all = folders.flatMap(({ images }, label) =>
    images.map((file) => ({ label, file: file.name, picture: readPnm(file.bytes, file.name) })),
  );
  const [first] = all;
  if (first === undefined) return fail(diag.badData({ file: name }, 'its folders hold no .pgm or .ppm images'));
  const shapeOf = ({ picture: { channels, height, width } }: typeof first): number[] => [channels, height, width];
  const shape = shapeOf(first);
  const size = elementCount(shape);
  const samples = new Uint8Array(all.length * size);
  all.forEach((item, i) => {
    const own = shapeOf(item).join('x');
    if (own !== shape.join('x')) fail(diag.badData({ file: item.file }, `the image is ${own}, and '${first.file}' is ${shape.join('x')}`));
    samples.set(item.picture.pixels, i * size);
  });
  return { name, count: all.length, shape, samples, targets: Int32Array.from(all, ({ label }) => label), targetShape: [] };
}
