import type { LayerView } from '../network.ts';
import type { GroupAccesses, Held } from '../residency.ts';
import type { Access } from '../schedule.ts';

/** Amounts that may be held are compared in steps of this share of the buffer. */
const LEVELS = 16;

interface Candidate extends Held {
  /** How often an iteration moves it, if it is not held. */
  readonly moves: number;
}

/**
 * What layers on sub-batches may hold over the iterations of their group: weights and the partial sums of their gradients. For every amount,
 * those that save most for their bytes, the larger ones first.
 */
export function holdings(views: readonly LayerView[], accesses: GroupAccesses, globalBytes: number): readonly GroupAccesses[] {
  const bySize = known.get(accesses) ?? new Map<number, readonly GroupAccesses[]>();
  known.set(accesses, bySize);
  const all = bySize.get(globalBytes) ?? findHoldings(views, accesses, globalBytes);
  bySize.set(globalBytes, all);
  return all;
}

/** They do not depend on the sub-batch size. */
const known = new WeakMap<GroupAccesses, Map<number, readonly GroupAccesses[]>>();

function findHoldings(views: readonly LayerView[], accesses: GroupAccesses, globalBytes: number): GroupAccesses[] {
  const candidates = candidatesOf(views, accesses);
  const found = new Map<string, GroupAccesses>();
  for (let level = 1; level < LEVELS; level++) {
    let room = (globalBytes * level) / LEVELS;
    const held = candidates.filter(({ bytes }) => {
      if (bytes > room) return false;
      room -= bytes;
      return true;
    });
    const key = held.map(({ tensor }) => tensor).join();
    if (held.length > 0 && !found.has(key)) found.set(key, holding(views, accesses, held));
  }
  return [...found.values()];
}

function candidatesOf(views: readonly LayerView[], { inputs, outputs }: GroupAccesses): Candidate[] {
  const candidates = new Map<string, Candidate>();
  views.forEach((view, i) => {
    const add = (list: readonly Access[] | undefined, operands: LayerView['inputs'], moves: number): void =>
      list?.forEach(({ mode, tensor }, operand) => {
        if (mode !== 'panel') return;
        const before = candidates.get(tensor)?.moves ?? 0;
        candidates.set(tensor, { tensor, bytes: operands[operand]?.bytes ?? 0, moves: before + moves });
      });
    add(inputs[i], view.inputs, 1);
    // Partial sums come in and go out.
    add(outputs[i], view.outputs, 2);
  });
  return [...candidates.values()].sort((a, b) => b.moves - a.moves || b.bytes - a.bytes);
}

/** The accesses with some operands held: the first layer that reads one holds it for the others. Those of other layers are the same ones. */
function holding(views: readonly LayerView[], accesses: GroupAccesses, held: readonly Held[]): GroupAccesses {
  const names = new Set(held.map(({ tensor }) => tensor));
  const holds = new Set<string>();
  const isChanged = ({ mode, tensor }: Access): boolean => mode === 'panel' && names.has(tensor);
  const changed = (access: Access): Access => {
    if (!isChanged(access)) return access;
    const mode = holds.has(access.tensor) ? 'held' : 'hold';
    holds.add(access.tensor);
    return { ...access, mode };
  };
  const all = (list: readonly Access[] = []): readonly Access[] => (list.some(isChanged) ? list.map(changed) : list);
  const inputs = views.map((_, i) => all(accesses.inputs[i]));
  const outputs = views.map((_, i) => all(accesses.outputs[i]));
  return { ...accesses, inputs, outputs, held: held.map(({ tensor, bytes }) => ({ tensor, bytes })) };
}
