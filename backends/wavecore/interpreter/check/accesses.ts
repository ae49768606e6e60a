import { fieldIndex, MAX_FIELDS, OPS } from '../../isa/layout.ts';
import type { Op } from '../../isa/table.ts';
import type { Core } from '../core.ts';
import { bindOperands, type NamedUse, usesOf } from '../vector/handler.ts';
import type { VectorOp } from '../vector/semantics.ts';
import { SEMANTICS } from '../vector/table.ts';
import { AGENT, type Agent } from './clocks.ts';
import { type Block, biasExtents, movingExtents, resultExtents, stationaryExtents, totalExtents } from './extents.ts';
import type { Sanitizer } from './sanitizer.ts';

/** Tells the sanitizer what one instruction is ordered after, and which bytes it accesses. */
type Check = (s: Sanitizer, pc: number) => void;
type UnitOp = Extract<Op, `${'d' | 'm' | 'v'}.${string}`>;

const DMA = fieldIndex('d.ld');
const LDA = fieldIndex('m.lda');
const LDB = fieldIndex('m.ldb');
const MUL = fieldIndex('m.mul');
const ST = fieldIndex('m.st');
const SUMS = fieldIndex('m.st_sums');

const immediate = ({ image }: Core, pc: number, field: number): number => image.operands[pc * MAX_FIELDS + field] ?? 0;
const register = (core: Core, pc: number, field: number): number => core.registers[immediate(core, pc, field)] ?? 0;

function transfer(store: boolean): Check {
  const agent = store ? AGENT.store : AGENT.load;
  return (s, pc) => {
    const { core } = s;
    const [dram, global] = [register(core, pc, DMA.dram), register(core, pc, DMA.global)];
    const [rowBytes, rows, stride] = [
      immediate(core, pc, DMA.rowBytes),
      immediate(core, pc, DMA.rows),
      immediate(core, pc, DMA.dramStride),
    ];
    s.begin(agent, pc);
    if (store) s.access(false, global, global + rows * rowBytes);
    if (stride === rowBytes) s.transfer(store, dram, dram + rows * rowBytes);
    else for (let row = 0; row < rows; row++) s.transfer(store, dram + row * stride, dram + row * stride + rowBytes);
    if (!store) s.access(true, global, global + rows * rowBytes);
    s.place(store, global, global + rows * rowBytes);
    s.order.end(agent, s.signalsOf(pc));
  };
}

const turned = ({ row, rows, column, columns }: Block): Block => ({ row: column, rows: columns, column: row, columns: rows });

const configure: Check = (s, pc) => s.order.pass(s.waitsOf(pc), s.signalsOf(pc));

const fill: Check = (s, pc) => {
  const { core } = s;
  const half = register(core, pc, LDA.half);
  const [row, column] = [register(core, pc, LDA.m0), register(core, pc, LDA.k0)];
  const block = { row, rows: core.matrix.rowsFrom(row), column, columns: core.matrix.movingDepthFrom(column) };
  s.begin(AGENT.fill, pc);
  s.order.after('aRead', half);
  const configuration = core.matrix.configured();
  const visit = (from: number, to: number): void => s.access(false, from, to);
  if (configuration.X === 0) movingExtents(configuration, register(core, pc, LDA.base), block, visit);
  else stationaryExtents(configuration, register(core, pc, LDA.base), turned(block), visit);
  s.order.end(AGENT.fill, s.signalsOf(pc), ['filled', half]);
};

const stationary: Check = (s, pc) => {
  const { core } = s;
  const half = register(core, pc, LDB.half);
  const [row, column] = [register(core, pc, LDB.k0), register(core, pc, LDB.n0)];
  const block = { row, rows: core.matrix.stationaryDepthFrom(row), column, columns: core.matrix.columnsFrom(column) };
  s.begin(AGENT.stationary, pc);
  s.order.after('bRead', half);
  const configuration = core.matrix.configured();
  const visit = (from: number, to: number): void => s.access(false, from, to);
  if (configuration.X === 0) stationaryExtents(configuration, register(core, pc, LDB.base), block, visit);
  else movingExtents(configuration, register(core, pc, LDB.base), turned(block), visit);
  s.order.end(AGENT.stationary, s.signalsOf(pc), ['loaded', half]);
};

const multiply: Check = (s, pc) => {
  const { core, order } = s;
  const [a, b, c] = [register(core, pc, MUL.a), register(core, pc, MUL.b), register(core, pc, MUL.c)];
  s.begin(AGENT.array, pc);
  order.after('filled', a);
  order.after('loaded', b);
  order.after('drained', c);
  order.end(AGENT.array, s.signalsOf(pc), ['aRead', a], ['bRead', b], ['summed', c]);
};

const drain: Check = (s, pc) => {
  const { core } = s;
  const c = register(core, pc, ST.c);
  const base = register(core, pc, ST.base);
  const block = drained(core, register(core, pc, ST.m0), register(core, pc, ST.n0));
  const size = immediate(core, pc, ST.f32) === 0 ? 2 : 4;
  const configuration = core.matrix.configured();
  s.begin(AGENT.drain, pc);
  s.order.after('summed', c);
  if (immediate(core, pc, ST.withBias) !== 0) readBiases(s, register(core, pc, ST.bias), block);
  if (register(core, pc, ST.add) !== 0) resultExtents(configuration, base, size, block, (from, to) => s.access(false, from, to));
  resultExtents(configuration, base, size, block, (from, to) => s.access(true, from, to));
  s.order.end(AGENT.drain, s.signalsOf(pc), ['drained', c]);
};

const drainWithSums: Check = (s, pc) => {
  const { core } = s;
  const c = register(core, pc, SUMS.c);
  const state = register(core, pc, SUMS.state);
  const block = drained(core, register(core, pc, SUMS.m0), register(core, pc, SUMS.n0));
  const configuration = core.matrix.configured();
  s.begin(AGENT.drain, pc);
  s.order.after('summed', c);
  if (immediate(core, pc, SUMS.withBias) !== 0) readBiases(s, register(core, pc, SUMS.bias), block);
  resultExtents(configuration, register(core, pc, SUMS.base), 2, block, (from, to) => s.access(true, from, to));
  for (const write of [false, true]) totalExtents(configuration, state, block, (from, to) => s.access(write, from, to));
  s.order.end(AGENT.drain, s.signalsOf(pc), ['drained', c]);
};

function drained({ matrix }: Core, row: number, column: number): Block {
  return { row, rows: matrix.rowsFrom(row), column, columns: matrix.columnsFrom(column) };
}

function readBiases(s: Sanitizer, bias: number, block: Block): void {
  biasExtents(s.core.matrix.configured(), bias, block, (from, to) => s.access(false, from, to));
}

const syncMatrix: Check = (s, pc) => s.order.syncMatrix(s.waitsOf(pc), s.signalsOf(pc));

function inOrder(agent: Agent): Check {
  return (s, pc) => {
    s.begin(agent, pc);
    s.order.end(agent, s.signalsOf(pc));
  };
}

/** A vector instruction reads all that it reads, then writes. */
function vector(op: VectorOp): Check {
  const uses = usesOf(op);
  const reads = uses.filter(({ access }) => access !== 'write');
  const writes = uses.filter(({ access }) => access !== 'read');
  return (s, pc) => {
    bindOperands(s.core, pc);
    s.begin(AGENT.vector, pc);
    for (const use of reads) if (use.reads?.(s.core.vector) ?? true) visit(s, use, false);
    for (const use of writes) visit(s, use, true);
    s.order.end(AGENT.vector, s.signalsOf(pc));
  };
}

function visit(s: Sanitizer, use: NamedUse, write: boolean): void {
  const call = s.core.vector;
  const address = call.operand(use.field);
  if (use.rows === undefined) s.access(write, address, address + use.bytes(call));
  else {
    const { count, bytes, stride } = use.rows(call);
    for (let row = 0; row < count; row++) s.access(write, address + row * stride, address + row * stride + bytes);
  }
}

const VECTOR = Object.fromEntries(OPS.filter((op): op is VectorOp => op in SEMANTICS).map((op) => [op, vector(op)])) as Readonly<
  Record<VectorOp, Check>
>;

export function isUnitOp(op: Op): op is UnitOp {
  return op in CHECKS;
}

/** How the sanitizer looks at every instruction of a unit; one that is missing does not compile. */
export const CHECKS: Readonly<Record<UnitOp, Check>> = {
  'd.ld': transfer(false),
  'd.st': transfer(true),
  'm.cfg': configure,
  'm.lda': fill,
  'm.ldb': stationary,
  'm.mul': multiply,
  'm.st': drain,
  'm.sync': syncMatrix,
  'm.st_sums': drainWithSums,
  'm.cfg4': configure,
  'd.ld_sync': inOrder(AGENT.load),
  'd.st_sync': inOrder(AGENT.store),
  'v.cfg': inOrder(AGENT.vector),
  'v.cfg4': inOrder(AGENT.vector),
  'v.sync': inOrder(AGENT.vector),
  ...VECTOR,
};
