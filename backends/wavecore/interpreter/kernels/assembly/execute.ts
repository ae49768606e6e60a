import { CONFIGURE, DRAIN, endOfCommands, FILL, operand, STATIONARY, TOTALS, WAVE } from './commands';
import { drain } from './drain';
import { fillExchanged, stationaryExchanged } from './exchanged';
import { fill } from './fill';
import { blockA, blockB, COMMAND_BYTES, commands, firstOf, matrixSlots, sums } from './layout';
import { slot, X } from './slots';
import { stationary } from './stationary';
import { totals } from './totals';
import { vector } from './vector';
import { wave } from './wave';

/** First row of part `part` of a block of `rows`: parts begin at multiples of 4. */
function firstRow(rows: i32, part: i32): i32 {
  return min(firstOf((rows + 3) >> 2, part) << 2, rows);
}

/**
 * Executes one part of all commands. A part of a matrix instruction is a share of the rows of its block, the same share of
 * every block of as many rows, so that parts need not wait for each other; only the stationary block is loaded by each of them.
 */
export function execute(part: i32): void {
  const end = endOfCommands();
  const slots = matrixSlots(part);
  for (let command = commands; command < end; command += COMMAND_BYTES) {
    const a = operand(command, 0);
    const b = operand(command, 1);
    const c = operand(command, 2);
    const d = operand(command, 3);
    const e = operand(command, 4);
    const f = operand(command, 5);
    switch (load<i32>(command)) {
      case CONFIGURE: {
        store<i32>(slots + (<usize>a << 2), b);
        break;
      }
      case FILL: {
        const row = firstRow(e, part);
        const count = firstRow(e, part + 1) - row;
        if (slot(slots, X)) fillExchanged(slots, blockA(part, a), b, c + row, d, count, f);
        else fill(slots, blockA(part, a), b, c + row, d, count, f);
        break;
      }
      case STATIONARY: {
        if (slot(slots, X)) stationaryExchanged(slots, blockB(part, a), b, c, d, e, f);
        else stationary(slots, blockB(part, a), b, c, d, e, f);
        break;
      }
      case WAVE: {
        const rows = firstRow(d, part + 1) - firstRow(d, part);
        wave(blockA(part, a), blockB(part, b), sums(part, c), rows, e, f, operand(command, 6));
        break;
      }
      case DRAIN: {
        const row = firstRow(e, part);
        const rows = firstRow(e, part + 1) - row;
        drain(slots, sums(part, a), b, c + row, d, rows, f, operand(command, 6), operand(command, 7), operand(command, 8));
        break;
      }
      case TOTALS: {
        totals(slots, part, a, b, c, d, e, f);
        break;
      }
      default:
        vector(command, part);
    }
  }
}
