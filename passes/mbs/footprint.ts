import type { GroupAccesses } from './residency.ts';
import { align, type Block, type Resident } from './schedule.ts';

/** Bytes of the global buffer that blocks take, both halves, aligned. */
export function blockBytes(blocks: readonly Block[]): number {
  return blocks.reduce((sum, b) => sum + align(b.bytes * b.halves), 0);
}

/** Bytes of the global buffer that what is held takes over all iterations. */
export function heldBytes({ held }: GroupAccesses): number {
  return held.reduce((sum, { bytes }) => sum + align(bytes), 0);
}

/** Bytes of the global buffer in use while a step of a group runs; a tensor that takes over another's place is counted once. */
export function footprintOf(step: number, residents: readonly Resident[], blocks: readonly Block[]): number {
  const places = new Map<number, number>();
  for (const r of residents) if (r.from <= step && step <= r.to) places.set(r.address, align(r.bytes));
  return [...places.values()].reduce((sum, bytes) => sum + bytes, blockBytes(blocks));
}
