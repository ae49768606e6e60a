import type { Program } from '../../program.ts';
import type { Core } from '../core.ts';
import { DramShadow } from './dram-shadow.ts';
import { Findings } from './findings.ts';
import { type CheckReport, Sanitizer } from './sanitizer.ts';

/** Judges all cores of a run: each by its own sanitizer, over the DRAM that they share. */
export class Check {
  private readonly sanitizers: ReadonlyMap<Core, Sanitizer>;
  private readonly dram: DramShadow;
  private readonly findings: Findings;
  private readonly image: Core['image'] | undefined;

  constructor(program: Program, cores: readonly Core[]) {
    const dram = new DramShadow(program, cores);
    const findings = new Findings(cores);
    this.sanitizers = new Map(cores.map((core) => [core, new Sanitizer(program, core, dram, findings)]));
    this.dram = dram;
    this.findings = findings;
    this.image = cores[0]?.image;
  }

  /** What looks at the instructions that a core has executed. */
  looker(core: Core): ((pc: number) => void) | undefined {
    const sanitizer = this.sanitizers.get(core);
    return sanitizer && ((pc) => sanitizer.look(pc));
  }

  /** What can be said once the program has ended. */
  finish(): void {
    for (const { row, tensor, gap } of this.dram.gaps()) {
      const info = this.image?.rowInfo[row];
      if (info !== undefined) this.findings.partial(info, tensor.name, gap);
    }
  }

  report(): CheckReport {
    const sum = (of: (s: Sanitizer) => number): number => [...this.sanitizers.values()].reduce((all, s) => all + of(s), 0);
    const { list, more } = this.findings;
    return { findings: list, more, accesses: sum((s) => s.accesses), bytes: sum((s) => s.bytes) };
  }
}
