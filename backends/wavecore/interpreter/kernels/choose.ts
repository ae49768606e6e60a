import type { Machine } from '../../machine/machine.ts';
import type { Kernels } from './kernels.ts';
import { PlainKernels } from './plain.ts';

export type KernelChoice = 'wasm' | 'plain';

export function kernelsOf(machine: Machine, _choice: KernelChoice): Kernels {
  return new PlainKernels(machine);
}
