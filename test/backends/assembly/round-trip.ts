import { assemble, disassemble, encodeProgram, type Program } from '../../../backends/wavecore/index.ts';

/** Whether the bytes of a program are those of its assembly text, read back. */
export function survivesAssembly(program: Program): boolean {
  const bytes = encodeProgram(program);
  const text = disassemble(program, { source: { name: 'original.wvc', bytes } });
  return sameBytes(encodeProgram(assemble(text, { readFile: () => bytes })), bytes);
}

/** Equal byte by byte; faster than a deep comparison. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
