import { unused } from '../../../ir/build.ts';
import { diag, fail } from '../../../ir/diagnostics.ts';
import { tensorBytes } from '../../../ir/tensor.ts';
import type { Reduction } from '../../../passes/mbs/division.ts';
import type { Scheduled } from '../../../passes/mbs/index.ts';
import type { LayerView } from '../../../passes/mbs/network.ts';
import type { ProgramSymbol } from '../program.ts';

/** Where tensors lie in DRAM. */
export interface DramLayout {
  readonly symbols: readonly ProgramSymbol[];
  address(tensor: string): number;
  /** Of a tensor of which every core has partial sums: their regions, core by core, equally far apart. The sum ends up in the first. */
  regionsOf(tensor: string): readonly ProgramSymbol[];
  /** Bytes from region to region; 0 where there is only one. */
  stepOf(tensor: string): number;
}

/** DRAM addresses: every storage that a transfer touches or that the caller sees, one behind the other, on bursts. */
export function layOut(scheduled: Scheduled, burst: number, reductions: readonly Reduction[]): DramLayout {
  const { graph, storages, cores } = scheduled.network;
  const used = usedStorages(scheduled);
  const outputs = new Set(graph.outputs.map((name) => storages.of(name).name));
  const divided = new Set(reductions.map(({ tensor }) => tensor));
  const names = new Set(storages.all.map(({ name }) => name));
  const symbols: ProgramSymbol[] = [];
  const regions = new Map<string, ProgramSymbol[]>();
  let address = 0;
  for (const storage of storages.all) {
    const { tensor } = storage;
    const isInput = graph.inputs.includes(tensor.name);
    if (!used.has(storage.name) && !isInput && !outputs.has(storage.name)) continue;
    const bytes = tensorBytes(tensor.type);
    const place = { kind: storage.kind, dtype: tensor.type.dtype, shape: tensor.type.shape, bytes };
    const step = Math.ceil(bytes / burst) * burst;
    const first: ProgramSymbol = {
      ...place,
      name: storage.name,
      address,
      role: isInput ? 'input' : outputs.has(storage.name) ? 'output' : 'internal',
      ...(tensor.constant === undefined ? {} : { initial: tensor.constant }),
    };
    const others = Array.from({ length: divided.has(storage.name) ? cores - 1 : 0 }, (_, i): ProgramSymbol => {
      const name = unused(`${storage.name}.core${i + 1}`, (n) => names.has(n));
      return { ...place, name, address: address + (i + 1) * step, role: 'internal' };
    });
    regions.set(storage.name, [first, ...others]);
    symbols.push(first, ...others);
    address += step * (1 + others.length);
  }
  const regionsOf = (tensor: string): readonly ProgramSymbol[] =>
    regions.get(tensor) ?? fail(diag.internal({ tensor }, 'has no address in DRAM'));
  return {
    symbols,
    regionsOf,
    address: (tensor) => regionsOf(tensor)[0]?.address ?? 0,
    stepOf: (tensor) => {
      const [first, second] = regionsOf(tensor);
      return first === undefined || second === undefined ? 0 : second.address - first.address;
    },
  };
}

/** Storages that a transfer of the schedule touches. */
function usedStorages({ network, schedule }: Scheduled): Set<string> {
  const used = new Set<string>();
  const views = new Map<string, LayerView>(network.layers.map((v) => [v.layer.name, v]));
  for (const group of schedule.groups) {
    for (const step of group.steps) {
      const view = views.get(step.layer);
      step.inputs.forEach((a, i) => {
        if (a.mode !== 'resident') used.add(view?.inputs[i]?.tensor ?? a.tensor);
      });
      step.outputs.forEach((a, i) => {
        // Sums that are not stored in the end are between the iterations.
        if (a.store || (a.mode === 'panel' && group.iterations > 1)) used.add(view?.outputs[i]?.tensor ?? a.tensor);
      });
    }
  }
  return used;
}
