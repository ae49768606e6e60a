import { type Diagnostic, diag } from '../../../../ir/diagnostics.ts';
import type { RowInfo } from '../image.ts';
import type { Position } from '../position.ts';
import { AGENTS } from './clocks.ts';

/** Where an access went: bytes of the global buffer, or of a tensor in DRAM. */
export interface Target {
  /** First byte concerned; counted from the start of the tensor where it lies in DRAM. */
  readonly address: number;
  readonly memory: 'global' | 'dram';
  /** What lies there. */
  readonly names: readonly string[];
}

/** One of the two accesses of a race. */
export interface Party {
  readonly pc: number;
  readonly agent: number;
  readonly write: boolean;
}

const MOST = 200;

/** Collects what is wrong, each pair of instructions once for each kind of problem. */
export class Findings {
  readonly list: Diagnostic[] = [];
  /** Problems beyond those in the list. */
  more = 0;
  private readonly seen = new Set<string>();
  private readonly position: Position;

  constructor(position: Position) {
    this.position = position;
  }

  race(first: Party, second: Party, target: Target): void {
    this.add(`race ${first.pc} ${second.pc}`, () => {
      const { layer } = this.position.place(first.pc);
      const describe = ({ pc, agent }: Party): string => `${this.position.at(pc)} on the ${AGENTS[agent] ?? 'unknown unit'}`;
      const of = layer === undefined ? '' : ` of layer '${layer}'`;
      return diag.race(
        this.position.place(second.pc),
        describe(second),
        `${second.write ? 'writes' : 'reads'} ${where(target)} that ${describe(first)}${of} ${first.write ? 'writes' : 'reads'}`,
      );
    });
  }

  uninitialized(pc: number, target: Target): void {
    this.add(`uninitialized ${pc} ${target.memory}`, () =>
      diag.uninitialized(this.position.place(pc), this.position.at(pc), where(target)),
    );
  }

  /** The result that instruction `pc` overwrites has been read by nobody. */
  lost(pc: number, earlier: number, target: Target): void {
    this.add(`lost ${pc} ${earlier}`, () =>
      diag.lostResult(this.position.place(pc), this.position.at(pc), where(target), this.position.at(earlier)),
    );
  }

  misplaced(pc: number, write: boolean, tensor: string, names: readonly string[]): void {
    this.add(`misplaced ${pc}`, () =>
      diag.misplaced(
        this.position.place(pc),
        this.position.at(pc),
        write ? 'stores' : 'loads',
        tensor,
        names.map((name) => `'${name}'`).join(', '),
      ),
    );
  }

  /** A layer leaves bytes of a tensor out that it otherwise loads or stores. */
  partial({ layer, origin }: RowInfo, tensor: string, gap: number): void {
    this.add(`partial ${layer} ${tensor}`, () => diag.partialTransfer({ layer, node: origin }, tensor, gap));
  }

  outside(pc: number, write: boolean, from: number, to: number, names: readonly string[]): void {
    this.add(`outside ${pc} ${write}`, () => {
      const touched = names.map((name) => `'${name}'`).join(', ');
      const lies = names.length === 0 ? 'where nothing is allocated' : `which touch ${touched}`;
      return diag.outsideAllocation(this.position.place(pc), this.position.at(pc), write ? 'writes' : 'reads', from, to, lies);
    });
  }

  private add(key: string, make: () => Diagnostic): void {
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (this.list.length < MOST) this.list.push(make());
    else this.more++;
  }
}

function where({ memory, address, names }: Target): string {
  const quoted = names.map((name) => `'${name}'`).join(', ');
  if (memory === 'dram') return `byte ${address} of tensor ${quoted} in DRAM`;
  return `byte ${address} of the global buffer${names.length === 0 ? '' : ` (${quoted})`}`;
}
