import type { Diagnostic } from '../../../../ir/diagnostics.ts';
import type { Op } from '../../isa/table.ts';
import type { DebugRange, Program, ProgramSymbol } from '../../program.ts';
import type { Core } from '../core.ts';
import { CHECKS, isUnitOp } from './accesses.ts';
import { type Agent, HappensBefore } from './clocks.ts';
import type { DramShadow } from './dram-shadow.ts';
import type { Findings } from './findings.ts';
import { Permissions } from './permissions.ts';
import { ShadowBuffer, type ShadowFinding } from './shadow-buffer.ts';
import type { Accessor, DramFinding } from './shadow-dram.ts';

/** What a checked run found. */
export interface CheckReport {
  /** At most 200; the first of each kind for each pair of instructions. */
  readonly findings: readonly Diagnostic[];
  /** Findings beyond those listed. */
  readonly more: number;
  /** Accesses looked at, each of adjacent bytes, and their bytes. */
  readonly accesses: number;
  readonly bytes: number;
}

/**
 * Judges a program while one of its cores runs: reads of bytes that hold nothing, accesses outside of the layer's allocations, writes over what others
 * still need, accesses of two units, one a write, that no token orders, and of two cores that no barrier orders. It looks at every instruction before it is executed,
 * with the registers as they are, and shares nothing with the handlers but the tables of the ISA.
 */
export class Sanitizer {
  readonly core: Core;
  readonly order = new HappensBefore();
  private readonly ops: readonly Op[];
  private readonly waits: readonly (readonly number[])[];
  private readonly signals: readonly (readonly number[])[];
  private readonly buffer: ShadowBuffer;
  private readonly dram: DramShadow;
  private readonly permissions: Permissions;
  private readonly findings: Findings;
  /** Row whose code an instruction begins; −1: none. */
  private readonly entries: Int32Array;
  /** By their first instruction, the ranges of code that say which bytes hold nothing any more behind them. */
  private readonly ranges: ReadonlyMap<number, DebugRange>;
  /** The range of code that the last instruction was in, if bytes end with it. */
  private range: DebugRange | undefined;
  private pc = 0;
  private agent: Agent = 0;
  private time = 0;
  private writing = false;
  accesses = 0;
  bytes = 0;
  /** This core, as what is known of the DRAM sees it. */
  private readonly accessor: Accessor;
  /** The DRAM tensor being accessed. */
  private symbol: ProgramSymbol | undefined;

  constructor(program: Program, core: Core, dram: DramShadow, findings: Findings) {
    this.core = core;
    this.dram = dram;
    this.findings = findings;
    this.accessor = { core: core.index, order: this.order, report: (finding) => this.foundInDram(finding) };
    this.ops = program.code.map(({ op }) => op);
    this.waits = program.code.map(({ wait }) => wait);
    this.signals = program.code.map(({ signal }) => signal);
    this.permissions = new Permissions(program, core.image);
    this.buffer = new ShadowBuffer(program.machine.buffers.globalBytes, this.order, (finding) => this.foundInBuffer(finding));
    this.entries = new Int32Array(program.code.length).fill(-1);
    this.ranges = new Map(program.debug.flatMap((range) => (range.frees === undefined ? [] : [[range.from, range]])));
    for (const { from, frees } of program.debug) if (frees === undefined) this.entries[from] = core.image.rows[from] ?? -1;
  }

  /** Looks at the instruction that has just been executed, so that its operands are known to be sound. */
  look(pc: number): void {
    this.pc = pc;
    const row = this.entries[pc] ?? -1;
    this.leave(pc);
    if (row >= 0) for (const { address, bytes } of this.permissions.begin(row)) this.buffer.undefine(address, address + bytes);
    const op = this.ops[pc];
    if (op === undefined) return;
    if (op === 'fence') this.order.fence();
    else if (op === 'barrier') this.order.meet();
    else if (isUnitOp(op)) CHECKS[op](this, pc);
  }

  /** The bytes that end with a range of code hold nothing when the program is outside of it. */
  private leave(pc: number): void {
    const { range } = this;
    if (range !== undefined && (pc < range.from || pc >= range.to)) {
      for (const [from, to] of range.frees ?? []) this.buffer.undefine(from, to);
      this.range = undefined;
    }
    this.range = this.ranges.get(pc) ?? this.range;
  }

  waitsOf(pc: number): readonly number[] {
    return this.waits[pc] ?? [];
  }

  signalsOf(pc: number): readonly number[] {
    return this.signals[pc] ?? [];
  }

  /** An operation of an agent; its accesses follow. */
  begin(agent: Agent, pc: number): void {
    this.order.begin(agent, this.waitsOf(pc));
    this.agent = agent;
    this.time = this.order.tick(agent);
  }

  /** The operation reads, or writes, adjacent bytes of the global buffer. */
  access(write: boolean, from: number, to: number): void {
    if (from < 0 || to > this.core.machine.buffers.globalBytes || from >= to) return;
    this.writing = write;
    this.accesses++;
    this.bytes += to - from;
    const row = this.core.image.rows[this.pc] ?? -1;
    if (this.permissions.known && row >= 0 && !this.permissions.allows(row, from, to, write, this.range?.part))
      this.findings.outside(this.core.index, this.pc, write, from, to, this.permissions.at(row, from, to));
    if (write) this.buffer.write(from, to, this.agent, this.time, this.pc);
    else this.buffer.read(from, to, this.agent, this.time, this.pc);
  }

  /** The operation loads, or stores, adjacent bytes of a tensor in DRAM. */
  transfer(write: boolean, from: number, to: number): void {
    const index = this.core.symbols.find(from, to);
    const [symbol, tensor] = [this.dram.symbol(index), this.dram.tensor(index)];
    if (symbol === undefined || tensor === undefined) return;
    this.symbol = symbol;
    this.writing = write;
    this.accesses++;
    this.bytes += to - from;
    const row = this.core.image.rows[this.pc] ?? -1;
    if (row >= 0) this.dram.cover(row, index, write, from - symbol.address, to - symbol.address);
    if (write) tensor.store(this.accessor, from - symbol.address, to - symbol.address, this.time, this.pc);
    else tensor.load(this.accessor, from - symbol.address, to - symbol.address, this.time, this.pc);
  }

  /** The data of a tensor in DRAM comes from, or goes to, bytes of the global buffer that are the tensor's. */
  place(write: boolean, from: number, to: number): void {
    const row = this.core.image.rows[this.pc] ?? -1;
    const { symbol } = this;
    if (!this.permissions.known || row < 0 || symbol === undefined) return;
    const names = this.permissions.at(row, from, to);
    if (names.length > 0 && !names.includes(symbol.name)) this.findings.misplaced(this.core.index, this.pc, write, symbol.name, names);
  }

  private foundInBuffer(finding: ShadowFinding): void {
    const { address } = finding;
    const row = this.core.image.rows[this.pc] ?? -1;
    this.found({ ...finding, core: this.core.index }, { address, memory: 'global', names: this.permissions.at(row, address, address + 1) });
  }

  private foundInDram(finding: DramFinding): void {
    this.found(finding, { address: finding.address, memory: 'dram', names: this.symbol === undefined ? [] : [this.symbol.name] });
  }

  private found({ problem, ...other }: DramFinding, target: Parameters<Findings['uninitialized']>[2]): void {
    const own = { core: this.core.index, pc: this.pc, agent: this.agent, write: this.writing };
    if (problem === 'uninitialized') this.findings.uninitialized(own.core, own.pc, target);
    else if (problem === 'lost') this.findings.lost(own, other, target);
    else this.findings.race(other, own, target);
  }
}
