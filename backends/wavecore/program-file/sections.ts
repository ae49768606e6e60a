import { crc32 } from './crc32.ts';
import { aligned, ENTRY_BYTES, HEADER_BYTES, MAGIC, SECTION_NAMES, SECTIONS, type SectionName, VERSION } from './format.ts';

/** What is wrong with the file as a container. */
export class FormatError extends Error {}

/** The contents of every section, their checksums checked. Every byte of the file is accounted for. */
export function readSections(file: Uint8Array): Record<SectionName, Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tableEnd = readHeader(file, view);
  if (crc32(file.subarray(HEADER_BYTES, tableEnd)) !== view.getUint32(12, true))
    throw new FormatError('its section table has been altered (checksum)');
  let end = tableEnd;
  const sections: Partial<Record<SectionName, Uint8Array>> = {};
  SECTION_NAMES.forEach((name, i) => {
    const entry = HEADER_BYTES + i * ENTRY_BYTES;
    const id = view.getUint32(entry, true);
    if (id !== SECTIONS[name]) throw new FormatError(`section ${i + 1} has id ${id}, expected ${SECTIONS[name]} (${name})`);
    const start = aligned(end);
    const length = view.getUint32(entry + 4, true) + view.getUint32(entry + 8, true) * 2 ** 32;
    if (start + length > file.length)
      throw new FormatError(`it ends too early: section ${name} needs bytes ${start} to ${start + length}, the file has ${file.length}`);
    if (file.subarray(end, start).some((byte) => byte !== 0)) throw new FormatError(`bytes before section ${name} are not zero`);
    const contents = file.subarray(start, start + length);
    if (crc32(contents) !== view.getUint32(entry + 12, true)) throw new FormatError(`section ${name} has been altered (checksum)`);
    sections[name] = contents;
    end = start + length;
  });
  if (end !== file.length) throw new FormatError(`${file.length - end} bytes follow the last section`);
  return complete(sections);
}

/** Checks magic, version and room for the table; returns where the table ends. */
function readHeader(file: Uint8Array, view: DataView): number {
  const magic = new TextEncoder().encode(MAGIC);
  if (file.length === 0) throw new FormatError('it is empty');
  const same = magic.slice(0, file.length).every((byte, i) => byte === file[i]);
  if (!same) throw new FormatError(`it does not begin with ${MAGIC}`);
  if (file.length < HEADER_BYTES) throw new FormatError('it ends too early: the header is not complete');
  const version = view.getUint32(4, true);
  if (version !== VERSION) throw new FormatError(`its format version is ${version}; version ${VERSION} is read here`);
  const count = view.getUint32(8, true);
  if (count !== SECTION_NAMES.length) throw new FormatError(`it has ${count} sections, expected ${SECTION_NAMES.length}`);
  const tableEnd = HEADER_BYTES + count * ENTRY_BYTES;
  if (file.length < tableEnd) throw new FormatError('it ends too early: the section table is not complete');
  return tableEnd;
}

function complete(sections: Partial<Record<SectionName, Uint8Array>>): Record<SectionName, Uint8Array> {
  const of = (name: SectionName): Uint8Array => sections[name] ?? new Uint8Array(0);
  return {
    meta: of('meta'),
    machine: of('machine'),
    code: of('code'),
    symbols: of('symbols'),
    debug: of('debug'),
    buffer: of('buffer'),
    predicted: of('predicted'),
    data: of('data'),
  };
}
