/** Two adjacent configuration slots that one instruction sets. */
export interface SlotPair {
  readonly slot: number;
  readonly v0: number;
  readonly v1: number;
  /** Only `v0` matters. */
  readonly single: boolean;
}

/**
 * Configuration as instructions set it, two adjacent slots each. A value whose next slot is not given clears that slot:
 * callers give every slot that the instructions behind read.
 */
export function slotPairs<S extends string>(slots: readonly S[], values: Partial<Readonly<Record<S, number>>>): SlotPair[] {
  const pairs: SlotPair[] = [];
  for (let slot = 0; slot < slots.length; slot++) {
    const [name, next] = [slots[slot], slots[slot + 1]];
    const v0 = name === undefined ? undefined : values[name];
    if (v0 === undefined) continue;
    const v1 = next === undefined ? undefined : values[next];
    pairs.push({ slot, v0, v1: v1 ?? 0, single: v1 === undefined });
    slot++;
  }
  return pairs;
}
