/**
 * The program file `.wvc`, all numbers little-endian:
 *
 * | bytes | meaning |
 * |---|---|
 * | 4 | magic `WVC1` |
 * | 4 | format version |
 * | 4 | number of sections |
 * | 4 | CRC-32 of the section table |
 * | 16 each | section table: id, length (two words, low first), CRC-32 of the contents |
 * | | the contents, in the order of the table, each from a multiple of 8 on, zeros between |
 *
 * Every section occurs once, in the order of `SECTIONS`. The file ends with the last section.
 */
export const MAGIC = 'WVC1';
export const VERSION = 4;
export const HEADER_BYTES = 16;
export const ENTRY_BYTES = 16;
export const ALIGNMENT = 8;

/** Sections by name; all but `code` and `data` hold JSON in UTF-8. */
export const SECTIONS = {
  /** Model, mode, cores, batch, schedule. */
  meta: 1,
  machine: 2,
  /** 16 bytes an instruction. */
  code: 3,
  /** Tensors in DRAM; initial values that are not compact lie in `data`. */
  symbols: 4,
  /** Layer, group and ONNX node of the instructions. */
  debug: 5,
  /** Allocations of the global buffer. */
  buffer: 6,
  /** The traffic that the compiler predicts. */
  predicted: 7,
  /** Initial values, each from a multiple of 8 on: f32 or i32. */
  data: 8,
} as const;
export type SectionName = keyof typeof SECTIONS;
export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SectionName[];

export function aligned(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}
