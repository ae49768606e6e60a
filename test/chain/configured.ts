import type { Program } from '../../backends/wavecore/index.ts';
import { settingsOf } from '../../backends/wavecore/isa/settings.ts';
import { MATRIX_SLOTS, type MatrixSlot, slotsOf } from '../../backends/wavecore/isa/slots.ts';

/** Whether a program ever sets a slot of the matrix unit to a value. */
export function setsMatrixSlot({ code }: Program, name: MatrixSlot, wanted: number): boolean {
  const number = MATRIX_SLOTS.indexOf(name);
  return code.some(
    (instruction) =>
      slotsOf(instruction.op) === MATRIX_SLOTS && settingsOf(instruction).some(({ slot, value }) => slot === number && value === wanted),
  );
}
