import { diag } from '../../../ir/diagnostics.ts';
import { fieldIndex, MAX_FIELDS } from '../isa/layout.ts';
import { settingPlaces } from '../isa/settings.ts';
import type { Core, Handler } from './core.ts';
import { COUNT } from './counters.ts';
import { UNIT } from './timing.ts';

const LDA = fieldIndex('m.lda');
const LDB = fieldIndex('m.ldb');
const MUL = fieldIndex('m.mul');
const ST = fieldIndex('m.st');
const SUMS = fieldIndex('m.st_sums');

const immediate = (core: Core, pc: number, field: number): number => core.operands[pc * MAX_FIELDS + field] ?? 0;
const register = (core: Core, pc: number, field: number): number => core.registers[immediate(core, pc, field)] ?? 0;
const half = (core: Core, pc: number, field: number): number => register(core, pc, field) & 1;
const readyOf = (core: Core, pc: number): number => core.ready(pc, core.timing.issue(UNIT.matrix));

export function configureMatrix(op: 'm.cfg' | 'm.cfg4'): Handler {
  const places = settingPlaces(op);
  return (core, pc) => {
    const ready = readyOf(core, pc);
    for (const { slot, behind, value } of places) core.matrix.configure(immediate(core, pc, slot) + behind, immediate(core, pc, value));
    core.post(pc, core.timing.configureMatrix(ready));
    return pc + 1;
  };
}

export const syncMatrix: Handler = (core, pc) => {
  core.post(pc, core.timing.syncMatrix(readyOf(core, pc)));
  return pc + 1;
};

export const loadMoving: Handler = (core, pc) => {
  const { matrix, counters } = core;
  const ready = readyOf(core, pc);
  const a = half(core, pc, LDA.half);
  const base = register(core, pc, LDA.base);
  const m0 = register(core, pc, LDA.m0);
  const k0 = register(core, pc, LDA.k0);
  const rows = matrix.rowsFrom(m0);
  const depth = matrix.movingDepthFrom(k0);
  if (matrix.isExchanged()) {
    matrix.checkExchanged();
    matrix.checkStationary(base, k0, depth, m0, rows);
  } else matrix.checkMoving(base, m0, rows, k0, depth);
  matrix.aRows[a] = rows;
  matrix.aDepth[a] = depth;
  const bytes = rows * depth * 2;
  counters.work(COUNT.globalBytes, bytes);
  counters.work(COUNT.localBytes, bytes);
  core.data?.kernels.fill(a, base, m0, k0, rows, depth, matrix.checked);
  core.post(pc, core.timing.fill(ready, a, bytes));
  return pc + 1;
};

export const loadStationary: Handler = (core, pc) => {
  const { matrix, counters } = core;
  const ready = readyOf(core, pc);
  const b = half(core, pc, LDB.half);
  const base = register(core, pc, LDB.base);
  const k0 = register(core, pc, LDB.k0);
  const n0 = register(core, pc, LDB.n0);
  const depth = matrix.stationaryDepthFrom(k0);
  const columns = matrix.columnsFrom(n0);
  if (matrix.isExchanged()) {
    matrix.checkMoving(base, n0, columns, k0, depth);
    matrix.bOn[b] = depth * columns;
  } else matrix.bOn[b] = matrix.checkStationary(base, k0, depth, n0, columns);
  matrix.bDepth[b] = depth;
  matrix.bColumns[b] = columns;
  const bytes = depth * columns * 2;
  counters.work(COUNT.globalBytes, bytes);
  // Into the buffer half, and from there into the array.
  counters.work(COUNT.localBytes, 2 * bytes);
  core.data?.kernels.load(b, base, k0, n0, depth, columns, matrix.checked);
  core.post(pc, core.timing.loadStationary(ready, b, depth, bytes));
  return pc + 1;
};

export const multiply: Handler = (core, pc) => {
  const { matrix, counters, position } = core;
  const ready = readyOf(core, pc);
  const a = half(core, pc, MUL.a);
  const b = half(core, pc, MUL.b);
  const c = half(core, pc, MUL.c);
  const fresh = register(core, pc, MUL.first) === 0;
  const rows = matrix.aRows[a] ?? 0;
  const depth = matrix.aDepth[a] ?? 0;
  const columns = matrix.bColumns[b] ?? 0;
  if (rows === 0) position.fault(diag.blockMismatch, `A-buffer half ${a} holds nothing`);
  if (columns === 0) position.fault(diag.blockMismatch, `B-buffer half ${b} holds nothing`);
  if (depth !== matrix.bDepth[b])
    position.fault(diag.blockMismatch, `the moving block has ${depth} reduction indices, the stationary block ${matrix.bDepth[b]}`);
  if (fresh) {
    matrix.cRows[c] = rows;
    matrix.cColumns[c] = columns;
  } else if (matrix.cRows[c] !== rows || matrix.cColumns[c] !== columns) {
    position.fault(
      diag.blockMismatch,
      `adds ${rows} × ${columns} sums to an accumulator half that holds ${matrix.cRows[c]} × ${matrix.cColumns[c]}`,
    );
  }
  counters.work(COUNT.macs, rows * (matrix.bOn[b] ?? 0));
  counters.work(COUNT.localBytes, rows * depth * 2 + rows * columns * (fresh ? 4 : 8));
  core.data?.kernels.multiply(a, b, c, rows, depth, columns, fresh);
  core.post(pc, core.timing.multiply(ready, a, b, c, rows, depth, columns));
  return pc + 1;
};

export const drain: Handler = (core, pc) => {
  const { matrix, counters, position } = core;
  const ready = readyOf(core, pc);
  const c = half(core, pc, ST.c);
  const base = register(core, pc, ST.base);
  const m0 = register(core, pc, ST.m0);
  const n0 = register(core, pc, ST.n0);
  const bias = immediate(core, pc, ST.withBias) === 0 ? -1 : register(core, pc, ST.bias);
  const f32 = immediate(core, pc, ST.f32) !== 0;
  const add = register(core, pc, ST.add) !== 0;
  const zeros = immediate(core, pc, ST.zeros) !== 0;
  const rows = matrix.rowsFrom(m0);
  const columns = matrix.columnsFrom(n0);
  checkHeld(core, c, rows, columns);
  if (add && !f32) position.fault(diag.programFault, 'adds to f16 results; only f32 results can be added to');
  const size = f32 ? 4 : 2;
  matrix.checkResult(base, m0, rows, n0, columns, size);
  if (immediate(core, pc, ST.withBias) !== 0) matrix.checkBias(bias, m0, rows, n0, columns);
  const bytes = rows * columns * size;
  counters.work(COUNT.globalBytes, bytes * (add ? 2 : 1) + (bias < 0 ? 0 : (matrix.isExchanged() ? rows : columns) * 4));
  if (!zeros) counters.work(COUNT.localBytes, rows * columns * 4);
  const { checked: span, biases } = matrix;
  core.data?.kernels.drain(c, {
    base,
    m0,
    n0,
    rows,
    columns,
    blockRows: matrix.blockRows(),
    bias,
    biases,
    f32,
    add,
    zeros,
    state: -1,
    span,
    apart: matrix.resultsApart(),
  });
  core.post(pc, core.timing.drain(ready, c, bytes));
  return pc + 1;
};

export const drainWithSums: Handler = (core, pc) => {
  const { matrix, counters } = core;
  const ready = readyOf(core, pc);
  const c = half(core, pc, SUMS.c);
  const base = register(core, pc, SUMS.base);
  const m0 = register(core, pc, SUMS.m0);
  const n0 = register(core, pc, SUMS.n0);
  const withBias = immediate(core, pc, SUMS.withBias) !== 0;
  const bias = withBias ? register(core, pc, SUMS.bias) : -1;
  const state = register(core, pc, SUMS.state);
  const rows = matrix.rowsFrom(m0);
  const columns = matrix.columnsFrom(n0);
  checkHeld(core, c, rows, columns);
  matrix.checkResult(base, m0, rows, n0, columns, 2);
  if (withBias) matrix.checkBias(bias, m0, rows, n0, columns);
  const pairs = matrix.checkTotals(state, m0, rows, n0, columns, withBias);
  const bytes = rows * columns * 2;
  counters.work(COUNT.globalBytes, bytes + (withBias ? (matrix.isExchanged() ? rows : columns) * 4 : 0) + 2 * PAIR_BYTES * pairs);
  counters.work(COUNT.localBytes, rows * columns * 4);
  counters.work(COUNT.vectorOps, 2 * rows * columns);
  const { checked: span, biases } = matrix;
  core.data?.kernels.drain(c, {
    base,
    m0,
    n0,
    rows,
    columns,
    blockRows: matrix.blockRows(),
    bias,
    biases,
    f32: false,
    add: false,
    zeros: false,
    state,
    span,
    apart: matrix.resultsApart(),
  });
  core.post(pc, core.timing.drain(ready, c, bytes));
  return pc + 1;
};

/** An f64 pair of totals. */
const PAIR_BYTES = 16;

function checkHeld({ matrix, position }: Core, c: number, rows: number, columns: number): void {
  if (matrix.cRows[c] === rows && matrix.cColumns[c] === columns) return;
  position.fault(
    diag.blockMismatch,
    `drains ${rows} × ${columns} results, and accumulator half ${c} holds ${matrix.cRows[c]} × ${matrix.cColumns[c]}`,
  );
}
