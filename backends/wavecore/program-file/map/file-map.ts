import { crc32 } from '../crc32.ts';
import { aligned, ENTRY_BYTES, HEADER_BYTES, MAGIC, SECTION_NAMES, SECTIONS, type SectionName, VERSION } from '../format.ts';
import { type FileMap, MapBuilder, Stop } from './map-builder.ts';
import { mapSection } from './map-section.ts';

interface Entry {
  readonly name: SectionName;
  readonly length: number;
  readonly checksum: number;
}

/**
 * What every byte of a program file means, as far as it can be read. The ranges tile the file, sound or not; what is wrong with
 * it stands in `problems`.
 */
export function mapFile(file: Uint8Array): FileMap {
  const map = new MapBuilder(file);
  try {
    const entries = mapHeader(map);
    for (const entry of entries) mapContents(map, entry);
    if (map.at < file.length) throw new Stop(`${file.length - map.at} bytes follow the last section`);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    map.problem(error.message);
    map.rest('not read');
  }
  return map.done();
}

function mapHeader(map: MapBuilder): Entry[] {
  if (map.file.length === 0) throw new Stop('it is empty');
  const magic = map.text(4);
  if (magic !== MAGIC) throw new Stop(`it does not begin with ${MAGIC}`);
  map.take('header', 4, `magic ${MAGIC}`);
  const version = map.word();
  map.take('header', 4, `format version ${version}`);
  if (version !== VERSION) throw new Stop(`its format version is ${version}; version ${VERSION} is read here`);
  const count = map.word();
  map.take('header', 4, `${count} sections`);
  if (count !== SECTION_NAMES.length) throw new Stop(`it has ${count} sections, expected ${SECTION_NAMES.length}`);
  map.checksum('header', 'the section table', HEADER_BYTES, count * ENTRY_BYTES);
  return mapTable(map);
}

function mapTable(map: MapBuilder): Entry[] {
  let end = HEADER_BYTES + SECTION_NAMES.length * ENTRY_BYTES;
  return SECTION_NAMES.map((name) => {
    const id = map.word();
    map.take('table', 4, `section id ${id}: ${name}`);
    if (id !== SECTIONS[name]) throw new Stop(`a section has id ${id}, expected ${SECTIONS[name]} (${name})`);
    const length = map.word() + map.word(4) * 2 ** 32;
    map.take('table', 8, `${length} bytes`);
    const start = aligned(end);
    end = start + length;
    const checksum = map.checksum('table', `section ${name}`, start, length);
    return { name, length, checksum };
  });
}

function mapContents(map: MapBuilder, { name, length, checksum }: Entry): void {
  map.padding(name, aligned(map.at) - map.at);
  const contents = map.ahead(length);
  const complete = contents.length === length;
  if (complete && crc32(contents) !== checksum) map.problem(`section ${name} has been altered (checksum)`);
  mapSection(map, name, contents);
  if (!complete) throw new Stop(`it ends too early: section ${name} has ${contents.length} of its ${length} bytes`);
}
