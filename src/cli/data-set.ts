import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { diag, fail } from '../../ir/diagnostics.ts';
import { dataSetOfFolders, dataSetOfPair, type NamedFile } from '../data-file/data-set.ts';
import type { DataSet } from '../train/data-set.ts';
import { readBytes } from './files.ts';

/** What `--data` and `--eval` take. */
export const DATA_LAYOUTS = `
Data sets: a directory with one folder for each class, holding .pgm or .ppm images (classes in the order of the folders' names);
or a file of samples, .npy or IDX (.gz too), whose name has 'images', beside one whose name has 'labels' (or 'targets') in its
place: images.npy and labels.npy, train-images-idx3-ubyte and train-labels-idx1-ubyte; or a directory with one such pair.
Samples that are bytes are divided by 255.`;

/** File names of samples. */
const SAMPLES = /images.*\.npy$|images-idx\d-ubyte(\.gz)?$|images.*\.idx(\.gz)?$/;
const PICTURE = /\.p[gpn]m$/i;

/** Reads a data set. @throws WavecError UNREADABLE, BAD_DATA, and what the files themselves are refused for */
export function readDataSet(path: string): DataSet {
  if (!isDirectory(path)) return readPair(path);
  const names = readdirSync(path).sort();
  const [samples, other] = names.filter((name) => SAMPLES.test(name));
  if (samples !== undefined && other !== undefined)
    fail(diag.badData({ file: path }, `it holds several files of samples ('${samples}', '${other}'): give one of them`));
  if (samples !== undefined) return readPair(join(path, samples));
  const folders = names.filter((name) => !name.startsWith('.') && isDirectory(join(path, name)));
  return dataSetOfFolders(
    path,
    folders.map((name) => ({ name, images: picturesIn(join(path, name)) })),
  );
}

function picturesIn(folder: string): NamedFile[] {
  const names = readdirSync(folder).filter((name) => PICTURE.test(name));
  return names.sort().map((name) => read(join(folder, name)));
}

/** Samples, and the targets in the file beside them. */
function readPair(file: string): DataSet {
  const name = basename(file);
  const candidates = ['labels', 'targets'].map((word) => name.replace('images', word).replace(/idx\d/, 'idx1'));
  const found = candidates.find((c) => c !== name && readdirSync(dirname(file)).includes(c));
  const samples = read(file);
  if (found === undefined) return fail(diag.badData({ file }, `there is no file of targets beside it ('${candidates.join("' or '")}')`));
  return dataSetOfPair(samples, read(join(dirname(file), found)));
}

function read(file: string): NamedFile {
  const bytes = readBytes(file);
  return { name: file, bytes: file.endsWith('.gz') ? unpacked(bytes, file) : bytes };
}

function unpacked(bytes: Uint8Array, file: string): Uint8Array {
  try {
    return gunzipSync(bytes);
  } catch (error) {
    return fail(diag.unreadable({ file }, error instanceof Error ? error.message : String(error)));
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
