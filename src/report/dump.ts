import type { FileMap, FileRange } from '../../backends/wavecore/program-file/map/map-builder.ts';

/** Bytes of a range that are shown; an instruction has as many. */
const SHOWN = 16;

/** Every byte of a program file, one line a range: offset in hexadecimal, length, the first bytes, what they mean. */
export function dumpText(file: Uint8Array, { ranges }: FileMap): string {
  const lengthWidth = Math.max(5, ...ranges.map(({ bytes }) => String(bytes).length));
  const head = `${'offset'.padEnd(8)}  ${'bytes'.padStart(lengthWidth)}  ${'contents'.padEnd(3 * SHOWN + 1)}meaning`;
  const lines = [head];
  let part: FileRange['part'] | undefined;
  for (const range of ranges) {
    if (range.part !== part) lines.push('', TITLES[range.part]);
    part = range.part;
    const { offset, bytes, meaning } = range;
    lines.push(`${offset.toString(16).padStart(8, '0')}  ${String(bytes).padStart(lengthWidth)}  ${contents(file, range)}${meaning}`);
  }
  return lines.join('\n');
}

const TITLES: Readonly<Record<FileRange['part'], string>> = {
  header: 'header',
  table: 'section table',
  meta: 'section meta: JSON',
  machine: 'section machine: JSON',
  code: 'section code: index, mnemonic and fields of each instruction',
  symbols: 'section symbols: JSON, tensors in DRAM',
  debug: 'section debug: JSON, what the code executes',
  buffer: 'section buffer: JSON, allocations of the global buffer',
  predicted: 'section predicted: JSON, DRAM traffic in bytes',
  data: 'section data: initial values, 4 bytes each',
  rest: 'behind the sections',
};

function contents(file: Uint8Array, { offset, bytes }: FileRange): string {
  const shown = bytes > SHOWN ? SHOWN - 1 : bytes;
  const hex = [...file.subarray(offset, offset + shown)].map((byte) => byte.toString(16).padStart(2, '0'));
  return [...hex, ...(bytes > SHOWN ? ['…'] : [])].join(' ').padEnd(3 * SHOWN + 1);
}
