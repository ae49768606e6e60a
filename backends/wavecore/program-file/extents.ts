import type { Machine } from '../machine/machine.ts';
import type { Allocation, DebugRange } from '../program.ts';

/** One thing that is wrong with an entry of a list. */
export interface EntryProblem {
  readonly index: number;
  readonly reason: string;
}

/** More cores than there are on the chip of the machine. */
export function coreProblems(cores: number, { coresPerChip }: Machine): string[] {
  return cores <= coresPerChip ? [] : [`the program is for ${cores} cores, the chip of its machine has ${coresPerChip}`];
}

/** Allocations that do not lie in the global buffer. */
export function allocationProblems(buffer: readonly Allocation[], { buffers }: Machine): EntryProblem[] {
  return buffer.flatMap(({ name, address, bytes }, index) => {
    const end = address + bytes;
    if (end <= buffers.globalBytes) return [];
    return [
      { index, reason: `'${name}' is allocated at bytes ${address} to ${end} of the global buffer, which has ${buffers.globalBytes}` },
    ];
  });
}

/** Layers whose instructions are not in the program, or not behind those of the layer before. */
export function rangeProblems(debug: readonly DebugRange[], instructions: number): EntryProblem[] {
  return debug.flatMap(({ from, to, layer }, index) => {
    if (from > to || to > instructions) return [{ index, reason: `layer '${layer}' has instructions ${from} to ${to} of ${instructions}` }];
    if (from >= (debug[index - 1]?.to ?? 0)) return [];
    return [{ index, reason: `layer '${layer}' begins at instruction ${from}, inside of the layer before` }];
  });
}
