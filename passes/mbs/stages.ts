import { livePerSample } from './layout.ts';
import type { Interval } from './residency.ts';
import type { Group } from './schedule.ts';

/**
 * One turn of the loop of a group whose iterations overlap (software pipelining): each stage runs on the iteration before that of the stage in
 * front of it. Of a group without stages, one iteration.
 */
export interface Round {
  /** By step: its stage. */
  readonly stages: readonly number[];
  /** By step: its place among all steps in the order of a round. */
  readonly slots: readonly number[];
  /** Steps of a round, after which it begins anew; absent where a place in the buffer ends with the iteration. */
  readonly period?: number;
}

/** The steps of all stages are dealt evenly over a round; of two at the same place, that of the iteration before comes first. */
export function roundOf({ steps, stages }: Pick<Group, 'stages'> & { readonly steps: readonly unknown[] }): Round {
  const indices = steps.map((_, i) => i);
  if (stages === undefined) return { stages: indices.map(() => 0), slots: indices };
  const bounds = [0, ...stages, steps.length];
  const stageOf = indices.map((i) => stages.filter((first) => first <= i).length);
  const share = indices.map((i) => {
    const [from = 0, to = 0] = bounds.slice(stageOf[i]);
    return (i - from + 0.5) / (to - from);
  });
  const order = [...indices].sort((a, b) => (share[a] ?? 0) - (share[b] ?? 0) || b - a);
  const slots = new Array<number>(steps.length).fill(0);
  order.forEach((step, slot) => {
    slots[step] = slot;
  });
  return { stages: stageOf, slots, period: steps.length };
}

/** Slots [from, to] of a round, going on into the next ones. */
export interface Slots {
  readonly from: number;
  readonly to: number;
}

/** Whether two stretches have a slot in common; where rounds begin anew after `period` slots, in any of them. */
export function isTogether(a: Slots, b: Slots, period?: number): boolean {
  if (period === undefined) return a.from <= b.to && b.from <= a.to;
  return Math.floor((a.to - b.from) / period) >= Math.ceil((a.from - b.to) / period);
}

/** The slots of steps [from, to]. */
export function slotsOf({ stages, slots, period = 0 }: Round, from: number, to: number): Slots {
  const rounds = (stages[to] ?? 0) - (stages[from] ?? 0);
  return { from: slots[from] ?? 0, to: rounds * period + (slots[to] ?? 0) };
}

/** Whether something that is on chip in steps [from, to] is gone before its next iteration puts it there again. */
export function endsInTime(round: Round, from: number, to: number): boolean {
  const range = slotsOf(round, from, to);
  return round.period === undefined || range.to - range.from < round.period;
}

/**
 * The same intervals with as many in the place of others as rounds allow: what takes over a place must give it back before the next iteration needs
 * it. Undefined where one of them alone does not.
 */
export function inTime(intervals: readonly Interval[], round: Round): readonly Interval[] | undefined {
  if (round.period === undefined) return intervals;
  if (!intervals.every(({ from, to }) => endsInTime(round, from, to))) return undefined;
  /** By tensor: the first step in which its place is taken. */
  const taken = new Map<string, number>();
  return intervals.map((v) => {
    const before = v.inPlaceOf === undefined ? undefined : taken.get(v.inPlaceOf);
    const stays = before !== undefined && endsInTime(round, before, v.to);
    taken.set(v.tensor, stays ? before : v.from);
    const { inPlaceOf: _, ...own } = v;
    return stays ? v : own;
  });
}

/** Bytes a sample of the resident tensors while each step runs, those of the other iterations under way as well. */
export function liveInRound(intervals: readonly Interval[], round: Round): number[] {
  const { stages, slots, period } = round;
  if (period === undefined) return livePerSample(intervals, slots.length);
  const rounds = (stages.at(-1) ?? 0) + 1;
  const live = livePerSample(
    intervals.map((v) => ({ ...v, ...slotsOf(round, v.from, v.to) })),
    rounds * period,
  );
  const bySlot = new Array<number>(period).fill(0);
  live.forEach((bytes, i) => {
    bySlot[i % period] = (bySlot[i % period] ?? 0) + bytes;
  });
  return slots.map((slot) => bySlot[slot] ?? 0);
}

/** The steps that run in some of the slots. */
export function stepsIn({ slots, period }: Round, range: Slots): number[] {
  return slots.flatMap((slot, step) => (isTogether({ from: slot, to: slot }, range, period) ? [step] : []));
}
