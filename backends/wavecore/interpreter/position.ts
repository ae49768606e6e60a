import { type Diagnostic, fail, type Place } from '../../../ir/diagnostics.ts';
import type { Program } from '../program.ts';

type Fault<A extends unknown[]> = (place: Place, at: string, ...args: A) => Diagnostic;

/** Where execution is. Whoever finds a fault reports it here, so that every message names instruction, layer and ONNX node. */
export class Position {
  /** Index of the instruction being executed. */
  pc = 0;
  private readonly program: Program;
  /** The core, as messages name it where there are several. */
  private readonly core: string;

  constructor(program: Program, core = 0) {
    this.program = program;
    this.core = program.cores === 1 ? '' : ` on core ${core}`;
  }

  fault<A extends unknown[]>(message: Fault<A>, ...args: A): never {
    return fail(message(this.place(this.pc), this.at(this.pc), ...args));
  }

  /** Layer and ONNX node of an instruction. */
  place(pc: number): Place {
    const range = this.program.debug.find((r) => r.from <= pc && pc < r.to);
    return range === undefined ? {} : { layer: range.layer, node: range.origin };
  }

  /** An instruction as messages name it. */
  at(pc: number): string {
    return `instruction ${pc} (${this.program.code[pc]?.op ?? 'none'})${this.core}`;
  }
}
