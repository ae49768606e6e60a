import type { Program, ProgramSymbol } from '../../program.ts';
import type { Core } from '../core.ts';
import { Coverage } from './coverage.ts';
import { ShadowTensor } from './shadow-dram.ts';

/** A tensor in DRAM of which a layer transfers only a part. */
interface Gap {
  readonly row: number;
  readonly tensor: ProgramSymbol;
  /** The first byte that is left out. */
  readonly gap: number;
}

/** What is known of the tensors in DRAM, which all cores share. */
export class DramShadow {
  private readonly symbols: readonly ProgramSymbol[];
  private readonly tensors: readonly ShadowTensor[];
  private readonly coverage: Coverage;

  constructor(program: Program, cores: readonly Core[]) {
    this.symbols = cores[0]?.symbols.symbols ?? [];
    const defined = new Set(program.symbols.filter((s) => s.initial !== undefined || s.role === 'input').map((s) => s.address));
    this.tensors = this.symbols.map((s) => new ShadowTensor(s.bytes, defined.has(s.address), cores.length));
    this.coverage = new Coverage(this.tensors.length);
  }

  symbol(index: number): ProgramSymbol | undefined {
    return this.symbols[index];
  }

  tensor(index: number): ShadowTensor | undefined {
    return this.tensors[index];
  }

  /** The layer of `row` transfers bytes [from, to) of a tensor. */
  cover(row: number, index: number, write: boolean, from: number, to: number): void {
    this.coverage.add(row, index, write, from, to);
  }

  gaps(): Gap[] {
    return this.coverage
      .gaps((i) => this.symbols[i]?.bytes ?? 0)
      .flatMap(({ row, tensor, gap }) => {
        const symbol = this.symbols[tensor];
        return symbol === undefined ? [] : [{ row, tensor: symbol, gap }];
      });
  }
}
