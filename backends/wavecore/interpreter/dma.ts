import { diag } from '../../../ir/diagnostics.ts';
import { fieldIndex, MAX_FIELDS } from '../isa/layout.ts';
import type { Core, Handler } from './core.ts';
import { COUNT } from './counters.ts';
import { UNIT } from './timing.ts';

const F = fieldIndex('d.ld');

/** Bytes that a transfer moves across the DRAM pins: each contiguous run rounded up to bursts. */
export function burstBytes(rows: number, rowBytes: number, dramStride: number, burst: number): number {
  if (rows === 1 || dramStride === rowBytes) return Math.ceil((rows * rowBytes) / burst) * burst;
  return rows * Math.ceil(rowBytes / burst) * burst;
}

function transfer(write: boolean): Handler {
  const unit = write ? UNIT.dmaStore : UNIT.dmaLoad;
  return (core, pc) => {
    const { counters, symbols, registers, position, machine } = core;
    const { operands } = core.image;
    const ready = core.ready(pc, core.timing.issue(unit));
    const o = pc * MAX_FIELDS;
    const dram = registers[operands[o + F.dram] ?? 0] ?? 0;
    const global = registers[operands[o + F.global] ?? 0] ?? 0;
    const rowBytes = operands[o + F.rowBytes] ?? 0;
    const rows = operands[o + F.rows] ?? 0;
    const dramStride = operands[o + F.dramStride] ?? 0;
    const packed = rows * rowBytes;
    if (packed === 0) position.fault(diag.programFault, 'moves no bytes');
    if (rows > 1 && dramStride < rowBytes)
      position.fault(diag.programFault, `rows of ${rowBytes} bytes overlap, ${dramStride} bytes apart`);
    if (global < 0 || global + packed > machine.buffers.globalBytes) {
      position.fault(
        diag.outOfRange,
        `bytes ${global} to ${global + packed} of the global buffer, which has ${machine.buffers.globalBytes}`,
      );
    }
    const symbol = symbols.find(dram, dram + (rows - 1) * dramStride + rowBytes);
    const bytes = burstBytes(rows, rowBytes, dramStride, machine.dram.burstBytes);
    counters.addTraffic(symbols.kinds[symbol] ?? 0, write, bytes);
    counters.work(COUNT.globalBytes, packed);
    if (core.data !== undefined) {
      const { dram: memory, buffer, kernels } = core.data;
      kernels.settle(global, global + packed);
      const run = dramStride === rowBytes ? packed : rowBytes;
      for (let moved = 0, at = dram; moved < packed; moved += run, at += dramStride) {
        const bytesOfRun = buffer.subarray(global + moved, global + moved + run);
        if (write) memory.write(at, bytesOfRun);
        else memory.read(at, bytesOfRun);
      }
    }
    const end = core.timing.transfer(unit, ready, bytes);
    core.post(pc, end);
    if (core.observer?.transfer !== undefined) report(core, symbol, write, bytes, end, pc);
    return pc + 1;
  };
}

function report(
  { observer, symbols, timing, index: core }: Core,
  index: number,
  write: boolean,
  bytes: number,
  end: number,
  pc: number,
): void {
  const tensor = symbols.symbols[index];
  if (tensor !== undefined) observer?.transfer?.({ tensor, write, bytes, start: timing.transferStart, end, pc, core });
}

export const load = transfer(false);
export const store = transfer(true);

function sync(unit: 0 | 1): Handler {
  return (core, pc) => {
    core.post(pc, core.timing.syncTransfers(unit, core.ready(pc, core.timing.issue(unit))));
    return pc + 1;
  };
}

export const syncLoad = sync(UNIT.dmaLoad);
export const syncStore = sync(UNIT.dmaStore);
