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
export function holdings(views: readonly LayerView[], accesses: GroupAccesses, globalBytes: number): GroupAccesses[] {
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

/** The accesses with some operands held: the first layer that reads one holds it for the others. */
function holding(views: readonly LayerView[], accesses: GroupAccesses, held: readonly Held[]): GroupAccesses {
  const names = new Set(held.map(({ tensor }) => tensor));
  const holds = new Set<string>();
  const changed = (access: Access): Access => {
    if (access.mode !== 'panel' || !names.has(access.tensor)) return access;
    const mode = holds.has(access.tensor) ? 'held' : 'hold';
    holds.add(access.tensor);
    return { ...access, mode };
  };
  const inputs = views.map((_, i) => accesses.inputs[i]?.map(changed) ?? []);
  const outputs = views.map((_, i) => accesses.outputs[i]?.map(changed) ?? []);
  return { ...accesses, inputs, outputs, held: held.map(({ tensor, bytes }) => ({ tensor, bytes })) };
}
