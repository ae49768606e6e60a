import type { Machine } from '../../machine/machine.ts';
import type { Kernels, Threads } from './kernels.ts';
import { PlainKernels } from './plain.ts';
import { hasWasm, WasmKernels } from './wasm.ts';

export type KernelChoice = 'wasm' | 'plain';

/** New kernels with zeroed memories; plain ones, on one thread, where the engine has no vector instructions. */
export function kernelsOf(machine: Machine, choice: KernelChoice, threads?: Threads): Kernels {
  return choice === 'wasm' && hasWasm() ? new WasmKernels(machine, threads) : new PlainKernels(machine);
}
