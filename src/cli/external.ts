import { closeSync, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { diag, fail, WavecError } from '../../ir/diagnostics.ts';
import type { ExternalReader } from '../onnx/external.ts';
import { reasonOf } from './files.ts';

/**
 * Reads data that a model keeps in other files: by range, inside the directory of the model only, wherever links lead.
 * @throws WavecError EXTERNAL_PATH, EXTERNAL_RANGE, UNREADABLE
 */
export function externalReader(model: string): ExternalReader {
  return ({ location, offset, length }) => {
    const directory = dirname(resolve(model));
    const given = resolve(directory, location);
    if (isAbsolute(location) || leaves(directory, given)) fail(diag.externalPath({ file: model }, location));
    const file = real(given);
    if (leaves(real(directory), file)) fail(diag.externalPath({ file: model }, location));
    return readRange(file, offset, length);
  };
}

const leaves = (directory: string, file: string): boolean => {
  const path = relative(directory, file);
  return path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path);
};

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    return fail(diag.unreadable({ file: path }, reasonOf(error)));
  }
}

function readRange(file: string, offset: number, length: number): Uint8Array {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const status = fstatSync(descriptor);
    const size = status.isFile() ? status.size : 0;
    const inside = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= size;
    if (!inside) fail(diag.externalRange({ file }, offset, length, size));
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const count = readSync(descriptor, bytes, at, length - at, offset + at);
      if (count === 0) fail(diag.externalRange({ file }, offset, length, at));
      at += count;
    }
    return bytes;
  } catch (error) {
    if (error instanceof WavecError) throw error;
    return fail(diag.unreadable({ file }, reasonOf(error)));
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
