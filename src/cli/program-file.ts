import { MAGIC } from '../../backends/wavecore/program-file/format.ts';

/** Whether a file calls itself a program, sound or not. */
export function isProgramFile(bytes: Uint8Array): boolean {
  return new TextDecoder('latin1').decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
}
