import { type Diagnostic, diag, fail } from '../../../../ir/diagnostics.ts';
import type { Core } from '../core.ts';
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
  /** Number of the core. */
  readonly core: number;
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
  private readonly positions: readonly Position[];

  constructor(cores: readonly Core[]) {
    this.positions = cores.map(({ position }) => position);
  }

  race(first: Party, second: Party, target: Target): void {
    this.add(`race ${first.pc} ${second.pc}`, (position) => {
      const { layer } = position(first.core).place(first.pc);
      const describe = ({ core, pc, agent }: Party): string => `${position(core).at(pc)} on the ${AGENTS[agent] ?? 'unknown unit'}`;
      const of = layer === undefined ? '' : ` of layer '${layer}'`;
      const message = first.core === second.core ? diag.race : diag.raceOfCores;
      return message(
        position(second.core).place(second.pc),
        describe(second),
        `${second.write ? 'writes' : 'reads'} ${where(target)} that ${describe(first)}${of} ${first.write ? 'writes' : 'reads'}`,
      );
    });
  }

  uninitialized(core: number, pc: number, target: Target): void {
    this.add(`uninitialized ${pc} ${target.memory}`, (position) =>
      diag.uninitialized(position(core).place(pc), position(core).at(pc), where(target)),
    );
  }

  /** The result that instruction `pc` overwrites has been read by nobody. */
  lost({ core, pc }: Party, earlier: Party, target: Target): void {
    this.add(`lost ${pc} ${earlier.pc}`, (position) =>
      diag.lostResult(position(core).place(pc), position(core).at(pc), where(target), position(earlier.core).at(earlier.pc)),
    );
  }

  misplaced(core: number, pc: number, write: boolean, tensor: string, names: readonly string[]): void {
    this.add(`misplaced ${pc}`, (position) =>
      diag.misplaced(
        position(core).place(pc),
        position(core).at(pc),
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

  outside(core: number, pc: number, write: boolean, from: number, to: number, names: readonly string[]): void {
    this.add(`outside ${pc} ${write}`, (position) => {
      const touched = names.map((name) => `'${name}'`).join(', ');
      const lies = names.length === 0 ? 'where nothing is allocated' : `which touch ${touched}`;
      return diag.outsideAllocation(position(core).place(pc), position(core).at(pc), write ? 'writes' : 'reads', from, to, lies);
    });
  }

  /** @param make is given the position of each core */
  private add(key: string, make: (position: (core: number) => Position) => Diagnostic): void {
    if (this.seen.has(key)) return;
    this.seen.add(key);
    const of = (core: number): Position => this.positions[core] ?? fail(diag.internal({}, `there is no core ${core}`));
    if (this.list.length < MOST) this.list.push(make(of));
    else this.more++;
  }
}

function where({ memory, address, names }: Target): string {
  const quoted = names.map((name) => `'${name}'`).join(', ');
  if (memory === 'dram') return `byte ${address} of tensor ${quoted} in DRAM`;
  return `byte ${address} of the global buffer${names.length === 0 ? '' : ` (${quoted})`}`;
}
