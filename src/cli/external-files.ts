import { closeSync, openSync, readSync, realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, sep } from 'node:path';
import { diag, fail } from '../../ir/diagnostics.ts';
import type { ExternalFiles } from '../onnx/index.ts';
import { reasonOf } from './files.ts';

/** The most that the system reads in one call. */
const MOST_AT_ONCE = 2 ** 30;

/** The files in the directory of a model (and below it), each read by ranges; links that lead out of it are not followed. */
export function filesBeside(model: string): ExternalFiles {
  const directory = dirname(model);
  const inside = (location: string): string | undefined => {
    const path = realpathSync(join(directory, location));
    const way = relative(realpathSync(directory), path);
    return way.split(sep)[0] === '..' || isAbsolute(way) ? undefined : path;
  };
  return {
    find: (location) => {
      try {
        const path = inside(location);
        if (path === undefined) return { reason: 'it is a link that leads out of the directory of the model' };
        const found = statSync(path);
        return found.isFile() ? { bytes: found.size } : { reason: 'it is no file' };
      } catch (error) {
        return { reason: reasonOf(error) };
      }
    },
    readRange: (location, offset, length) => {
      try {
        const bytes = readRange(inside(location) ?? location, offset, length);
        if (bytes !== undefined) return bytes;
      } catch (error) {
        return fail(diag.externalData({ file: model }, location, reasonOf(error), 0));
      }
      return fail(diag.externalData({ file: model }, location, 'it has become shorter', 0));
    },
  };
}

/** Undefined where the file ends before the range does. */
function readRange(path: string, offset: number, length: number): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  const file = openSync(path, 'r');
  try {
    for (let at = 0; at < length; ) {
      const read = readSync(file, bytes, at, Math.min(length - at, MOST_AT_ONCE), offset + at);
      if (read === 0) return undefined;
      at += read;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
