import type { Program as ProgramData } from '../program.ts';
import { decodeProgram } from './decode.ts';
import { encodeProgram } from './encode.ts';

export type Program = ProgramData;

/** A program file and the program that it holds: what one of them makes, the other reads back. */
export const Program = { decode: decodeProgram, encode: encodeProgram } as const;
