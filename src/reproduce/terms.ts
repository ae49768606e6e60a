import type { Energy } from '../../backends/wavecore/interpreter/counters.ts';
import { STALLS, type Stall } from '../../backends/wavecore/interpreter/stalls.ts';
import { TENSOR_KINDS } from '../../ir/tensor.ts';
import { ENERGY_SOURCES } from '../report/run-report.ts';
import { KIND_NAMES } from '../report/traffic.ts';
import type { Counted } from './record.ts';
import { distinct, meanOf, type Pair } from './select.ts';

/** One part of a change, in parts of the reference's total; the terms of one list add up to the change. */
export interface Term {
  readonly name: string;
  readonly value: number;
}

/** A count that is divided into named parts. */
export type Division = (counted: Counted) => ReadonlyMap<string, number>;

/** DRAM bytes by tensor kind. */
export const byTensorKind: Division = ({ traffic }) =>
  new Map(TENSOR_KINDS.map((kind) => [KIND_NAMES[kind], (traffic.byKind[kind]?.read ?? 0) + (traffic.byKind[kind]?.write ?? 0)]));

/** Cycles as the array sees them: it works, or waits for a cause. */
export const byArray: Division = ({ units }) => {
  const stalls = Object.keys(STALLS) as Stall[];
  return new Map([
    ['array works', units.array.busy],
    ...stalls.map((stall) => [`array waits: ${stall}`, units.array.stalls[stall] ?? 0] as const),
  ]);
};

/** Cycles by phase and kind of the layers; fences separate layers, so that each cycle belongs to one. */
export const byLayerKind: Division = ({ byKind, cycles }) => {
  const inside = byKind.reduce((sum, cost) => sum + cost.cycles, 0);
  return new Map([
    ...byKind.map(({ phase, kind, cycles: own }) => [`${phase} ${kind}`, own] as const),
    ['outside of layers', cycles - inside],
  ]);
};

/** Joules by source. */
export const byEnergySource: Division = ({ energy }) =>
  new Map(Object.entries(ENERGY_SOURCES).map(([source, name]) => [name, energy[source as Exclude<keyof Energy, 'total'>]]));

/** The change of a division from the reference, term by term. */
export function termsOf({ record, reference }: Pair, division: Division): Term[] {
  const [now, base] = [division(record.counted), division(reference.counted)];
  const total = [...base.values()].reduce((a, b) => a + b, 0);
  return distinct([...base.keys(), ...now.keys()]).map((name) => ({
    name,
    value: total === 0 ? 0 : ((now.get(name) ?? 0) - (base.get(name) ?? 0)) / total,
  }));
}

/** What is left of each term, in parts of the reference's total. */
export function remainsOf({ record, reference }: Pair, division: Division): Term[] {
  const total = [...division(reference.counted).values()].reduce((a, b) => a + b, 0);
  return [...division(record.counted)].map(([name, value]) => ({ name, value: total === 0 ? 0 : value / total }));
}

/** Terms of several networks as arithmetic means; a term that a network lacks is 0 there. */
export function meanTerms(lists: readonly (readonly Term[])[]): Term[] {
  return distinct(lists.flatMap((terms) => terms.map(({ name }) => name))).map((name) => ({
    name,
    value: meanOf(lists.map((terms) => terms.find((term) => term.name === name)?.value ?? 0)) ?? 0,
  }));
}
