import { closeSync, lstatSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { presetMachine } from '../../backends/wavecore/machine/load.ts';
import type { Machine } from '../../backends/wavecore/machine/machine.ts';
import { PRESETS } from '../../backends/wavecore/machine/presets.ts';
import { diag, fail, WavecError } from '../../ir/diagnostics.ts';
import { readMachineFile } from '../machine-file.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'it is a directory',
  EEXIST: 'a file of this name is in the way',
  ENOTDIR: 'a part of its path is not a directory',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ENOSPC: 'there is no space left',
  EROFS: 'the file system is read-only',
  ERR_FS_FILE_TOO_LARGE: 'it is larger than 2 GiB',
};

export function reasonOf(error: unknown, writing = false): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (writing && code === 'ENOENT') return 'there is no such directory';
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}

/** @throws WavecError UNREADABLE */
export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    return fail(diag.unreadable({ file }, reasonOf(error)));
  }
}

/** @throws WavecError UNREADABLE, for what is not UTF-8 as well */
export function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readBytes(file));
  } catch (error) {
    if (error instanceof WavecError) throw error;
    return fail(diag.unreadable({ file }, 'it is not text in UTF-8'));
  }
}

/**
 * Writes to a temporary name beside the file and renames it, so that nobody ever sees half a file.
 * @throws WavecError UNWRITABLE
 */
export function writeFile(file: string, content: Uint8Array | string, temporary = temporaryBeside(file)): void {
  replaceFile(file, (target) => writeFileSync(target, content), temporary);
}

/**
 * The same for text that comes in pieces; returns how many bytes it has.
 * @throws WavecError UNWRITABLE
 */
export function writePieces(file: string, pieces: Iterable<string>): number {
  let bytes = 0;
  replaceFile(file, (target) => {
    const descriptor = openSync(target, 'w');
    try {
      for (const piece of pieces) {
        writeFileSync(descriptor, piece);
        bytes += Buffer.byteLength(piece);
      }
    } finally {
      closeSync(descriptor);
    }
  });
  return bytes;
}

/** A name beside a file that no other process takes. */
function temporaryBeside(file: string): string {
  return join(dirname(file), `.${process.pid}.${Date.now()}.tmp`);
}

function replaceFile(file: string, write: (target: string) => void, temporary = temporaryBeside(file)): void {
  try {
    // A device or a pipe is written to; renaming would replace it.
    const existing = lstatSync(file, { throwIfNoEntry: false });
    if (existing !== undefined && !existing.isFile()) {
      write(file);
      return;
    }
    write(temporary);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    fail(diag.unwritable({ file }, reasonOf(error, true)));
  }
}

export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    fail(diag.unwritable({ file: directory }, reasonOf(error, true)));
  }
}

/** The machine of a preset's name or of a machine file. */
export function readMachine(nameOrFile: string): Machine {
  const preset = presetMachine(nameOrFile);
  if (preset !== undefined) return preset;
  try {
    return readMachineFile(new TextDecoder().decode(readFileSync(nameOrFile)), nameOrFile);
  } catch (error) {
    if (error instanceof WavecError) throw error;
    const presets = Object.keys(PRESETS).join(', ');
    return fail(diag.unreadable({ file: nameOrFile }, `${reasonOf(error)}, and no preset has this name (${presets})`));
  }
}
