import type { Purpose } from './job.ts';
import { isDeep } from './networks.ts';
import { type CountedRecord, isCounted, type RunRecord } from './record.ts';

/** What is reported against the reference: changes as parts of 1. */
export interface Changes {
  readonly traffic: number;
  /** Of the steps a second: the reference's time over this one's, less 1. */
  readonly performance: number;
  readonly time: number;
  readonly energy: number;
}

export function changesOf(record: CountedRecord, reference: CountedRecord): Changes {
  const [{ counted }, { counted: base }] = [record, reference];
  return {
    traffic: changeOf(counted.traffic.total, base.traffic.total),
    performance: changeOf(base.seconds, counted.seconds),
    time: changeOf(counted.seconds, base.seconds),
    energy: changeOf(counted.energy.total, base.energy.total),
  };
}

function changeOf(value: number, reference: number): number {
  return reference === 0 ? 0 : (value - reference) / reference;
}

/** `baseline` as it is by default, of the same network on the same machine: what everything is held against. */
export function referenceOf(records: readonly RunRecord[], { network, machine, batch }: RunRecord): CountedRecord | undefined {
  return records
    .filter(isCounted)
    .find((r) => r.schedule === 'baseline' && r.ownNorm && r.network === network && r.machine === machine && r.batch === batch);
}

/** The runs of one table. */
export function ofPurpose(records: readonly RunRecord[], purpose: Purpose): RunRecord[] {
  return records.filter((record) => record.purpose === purpose);
}

/** Values that differ, in the order of their first occurrence. */
export function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

/** A run and its reference, where both could run. */
export interface Pair {
  readonly record: CountedRecord;
  readonly reference: CountedRecord;
}

export function pairsOf(chosen: readonly RunRecord[], all: readonly RunRecord[]): Pair[] {
  return chosen.filter(isCounted).flatMap((record) => {
    const reference = referenceOf(all, record);
    return reference === undefined ? [] : [{ record, reference }];
  });
}

/** The pairs that means are over. */
export function deepPairs(pairs: readonly Pair[]): Pair[] {
  return pairs.filter(({ record }) => isDeep(record.network));
}

export function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

/** Arithmetic means of the changes of several networks. */
export function meanChanges(pairs: readonly Pair[]): Changes | undefined {
  const changes = pairs.map(({ record, reference }) => changesOf(record, reference));
  if (changes.length === 0) return undefined;
  const mean = (of: keyof Changes): number => meanOf(changes.map((change) => change[of])) ?? 0;
  return { traffic: mean('traffic'), performance: mean('performance'), time: mean('time'), energy: mean('energy') };
}
