import * as v from 'valibot';
import { crc32 } from './crc32.ts';
import { SymbolsSchema } from './schema.ts';
import { readSections } from './sections.ts';
import { storedBytes } from './symbols.ts';

/** Where in a file the initial values of a tensor lie. */
export interface StoredValues {
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
  /** CRC-32 of those bytes. */
  readonly checksum: number;
}

/** The initial values in a program file that `decodeProgram` accepts, by tensor. */
export function initialValuesIn(file: Uint8Array): Map<string, StoredValues> {
  const { symbols, data } = readSections(file);
  const found = new Map<string, StoredValues>();
  for (const { name, initial } of v.parse(SymbolsSchema, JSON.parse(new TextDecoder().decode(symbols)))) {
    if (initial?.form !== 'values') continue;
    const bytes = storedBytes(initial);
    const checksum = crc32(data.subarray(initial.offset, initial.offset + bytes));
    found.set(name, { offset: data.byteOffset - file.byteOffset + initial.offset, bytes, checksum });
  }
  return found;
}
