import { diag } from '../../../ir/diagnostics.ts';
import type { Program, ProgramSymbol } from '../program.ts';
import { KIND_INDEX } from './counters.ts';
import type { Position } from './position.ts';

/** Finds the tensor that lies at a DRAM address. Of tensors that share storage, the first of the largest counts. */
export class SymbolMap {
  readonly symbols: readonly ProgramSymbol[];
  private readonly starts: Float64Array;
  private readonly ends: Float64Array;
  /** Index of the tensor kind, by symbol. */
  readonly kinds: Uint8Array;
  /** The symbol that each instruction met last, where the search begins. */
  private readonly last: Int32Array;
  private readonly position: Position;

  constructor(program: Program, position: Position) {
    const byAddress = new Map<number, ProgramSymbol>();
    for (const symbol of program.symbols) {
      const other = byAddress.get(symbol.address);
      if (other === undefined || symbol.bytes > other.bytes) byAddress.set(symbol.address, symbol);
    }
    this.symbols = [...byAddress.values()].sort((a, b) => a.address - b.address);
    this.starts = Float64Array.from(this.symbols, (s) => s.address);
    this.ends = Float64Array.from(this.symbols, (s) => s.address + s.bytes);
    this.kinds = Uint8Array.from(this.symbols, (s) => KIND_INDEX[s.kind]);
    this.last = new Int32Array(program.code.length);
    this.position = position;
  }

  /** The symbol that holds all of [from, to); a fault where none does. */
  find(from: number, to: number): number {
    const { pc } = this.position;
    let i = this.last[pc] ?? 0;
    if (!(from >= (this.starts[i] ?? 0) && from < (this.ends[i] ?? 0))) {
      i = this.search(from);
      this.last[pc] = Math.max(i, 0);
    }
    if (i < 0 || from >= (this.ends[i] ?? 0)) return this.position.fault(diag.outOfRange, `DRAM address ${from} is in no tensor`);
    if (to > (this.ends[i] ?? 0)) {
      return this.position.fault(
        diag.outOfRange,
        `DRAM bytes ${from} to ${to} reach past the end of tensor '${this.symbols[i]?.name}' at ${this.ends[i]}`,
      );
    }
    return i;
  }

  /** Index of the last symbol that starts at or before `address`; −1 where there is none. */
  private search(address: number): number {
    let [low, high] = [0, this.starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.starts[middle] ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
