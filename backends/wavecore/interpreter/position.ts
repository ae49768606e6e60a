import { type Diagnostic, fail, type Place } from '../../../ir/diagnostics.ts';
import type { Program } from '../program.ts';

type Fault<A extends unknown[]> = (place: Place, at: string, ...args: A) => Diagnostic;

/** Where execution is. Whoever finds a fault reports it here, so that every message names instruction, layer and ONNX node. */
export class Position {
  /** Index of the instruction being executed. */
  pc = 0;
  private readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  fault<A extends unknown[]>(message: Fault<A>, ...args: A): never {
    const { code, debug } = this.program;
    const range = debug.find((r) => r.from <= this.pc && this.pc < r.to);
    const place: Place = range === undefined ? {} : { layer: range.layer, node: range.origin };
    return fail(message(place, `instruction ${this.pc} (${code[this.pc]?.op ?? 'none'})`, ...args));
  }
}
