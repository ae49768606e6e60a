import { crc32 } from '../crc32.ts';
import type { SectionName } from '../format.ts';

/** Adjacent bytes of a file and what they mean. */
export interface FileRange {
  readonly offset: number;
  readonly bytes: number;
  readonly part: 'header' | 'table' | SectionName | 'rest';
  readonly meaning: string;
}

export interface FileMap {
  /** One behind the other from the first byte of the file to the last. */
  readonly ranges: readonly FileRange[];
  readonly problems: readonly FileProblem[];
}

interface FileProblem {
  /** Where it was found. */
  readonly offset: number;
  readonly reason: string;
}

/** Behind this point the file cannot be read. */
export class Stop extends Error {}

/** Puts ranges one behind the other; whatever is taken is in the file. */
export class MapBuilder {
  /** Offset of the next range. */
  at = 0;
  readonly file: Uint8Array;
  /** Initial values by their offset in the data section, as the symbols say. */
  readonly values = new Map<number, { readonly bytes: number; readonly meaning: string }>();
  private readonly ranges: FileRange[] = [];
  private readonly problems: FileProblem[] = [];
  private readonly view: DataView;

  constructor(file: Uint8Array) {
    this.file = file;
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  take(part: FileRange['part'], bytes: number, meaning: string): void {
    if (this.at + bytes > this.file.length) throw new Stop(`it ends too early: ${part} is not complete`);
    if (bytes > 0) this.ranges.push({ offset: this.at, bytes, part, meaning });
    this.at += bytes;
  }

  /** All that is left. */
  rest(meaning: string): void {
    this.take('rest', this.file.length - this.at, meaning);
  }

  /** The next `bytes` bytes, or what there is of them. */
  ahead(bytes: number): Uint8Array {
    return this.file.subarray(this.at, this.at + bytes);
  }

  /** The word `offset` bytes behind the next range. */
  word(offset = 0): number {
    if (this.at + offset + 4 > this.file.length) throw new Stop('it ends too early: a number is not complete');
    return this.view.getUint32(this.at + offset, true);
  }

  text(bytes: number): string {
    return new TextDecoder('latin1').decode(this.ahead(bytes));
  }

  /** Takes a checksum of the bytes at `start`, and says whether it is right; returns it. */
  checksum(part: FileRange['part'], of: string, start: number, bytes: number): number {
    const stored = this.word();
    const actual = crc32(this.file.subarray(start, start + bytes));
    const wrong = stored === actual ? '' : `, wrong: the file has ${hexWord(actual)}`;
    this.take(part, 4, `CRC-32 of ${of}: ${hexWord(stored)}${wrong}`);
    if (wrong !== '' && part === 'header') this.problem(`${of} has been altered (checksum)`);
    return stored;
  }

  padding(part: FileRange['part'], bytes: number): void {
    const zero = this.ahead(bytes).every((byte) => byte === 0);
    if (!zero) this.problem(`bytes before section ${part} are not zero`);
    this.take(part, bytes, zero ? 'padding' : 'padding that is not zero');
  }

  problem(reason: string): void {
    this.problems.push({ offset: this.at, reason });
  }

  done(): FileMap {
    return { ranges: this.ranges, problems: this.problems };
  }
}

function hexWord(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
