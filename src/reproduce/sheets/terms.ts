import type { ScheduleName } from '../../../passes/mbs/schedule.ts';
import type { Cell, Sheet, SheetColumn } from '../../report/sheet.ts';
import { changeText } from '../../report/units.ts';
import type { RunRecord } from '../record.ts';
import { changesOf, deepPairs, meanOf, ofPurpose, type Pair, pairsOf } from '../select.ts';
import { HEADLINE } from '../sourced.ts';
import { byArray, byEnergySource, byLayerKind, byTensorKind, type Division, meanTerms, remainsOf, type Term, termsOf } from '../terms.ts';

/** A change of a schedule, divided into terms in parts of the baseline's total. */
interface Account {
  readonly name: string;
  readonly title: string;
  readonly division: Division;
  readonly quantity: 'traffic' | 'time' | 'energy';
  /** The sourced change, in the same quantity. */
  readonly sourced: number;
  readonly notes: readonly string[];
}

/** Performance +53 % as a change of time. */
const SOURCED_TIME = 1 / (1 + HEADLINE.performance) - 1;
/** A term below this share of the total everywhere is not shown; those left out stand together in one row. */
const LEAST = 0.002;
const REST = 'all others';

const ACCOUNTS: readonly Account[] = [
  {
    name: 'traffic-terms',
    title: 'traffic against baseline, by kind of tensor',
    division: byTensorKind,
    quantity: 'traffic',
    sourced: HEADLINE.traffic,
    notes: [],
  },
  {
    name: 'time-terms',
    title: 'time against baseline, as the array sees it',
    division: byArray,
    quantity: 'time',
    sourced: SOURCED_TIME,
    notes: [`The sourced performance of ${changeText(1 + HEADLINE.performance, 1)} is a time of ${changeText(1 + SOURCED_TIME, 1)}.`],
  },
  {
    name: 'layer-terms',
    title: 'time against baseline, by phase and kind of layer',
    division: byLayerKind,
    quantity: 'time',
    sourced: SOURCED_TIME,
    notes: [],
  },
  {
    name: 'energy-terms',
    title: 'energy against baseline, by source',
    division: byEnergySource,
    quantity: 'energy',
    sourced: HEADLINE.energy,
    notes: ['Of the energies only that of HBM2 DRAM is sourced; each other row rests on an assumed energy, and static energy on the time.'],
  },
];

/** The change of one schedule against baseline, term by term and network by network, down to the difference from the sourced figure. */
export function termSheets(all: readonly RunRecord[], schedule: ScheduleName): Sheet[] {
  const records = ofPurpose(all, 'schedules');
  const chosen = records.filter((record) => record.schedule === schedule && record.ownNorm);
  const pairs = pairsOf(chosen, records);
  if (pairs.length === 0) return [];
  return ACCOUNTS.map((account) => sheetOf(account, schedule, pairs));
}

function sheetOf({ name, title, division, quantity, sourced, notes }: Account, schedule: ScheduleName, pairs: readonly Pair[]): Sheet {
  const deep = deepPairs(pairs);
  const withMean = deep.length > 0;
  const columns = [
    ...pairs.map((pair) => termsOf(pair, division)),
    ...(withMean ? [meanTerms(deep.map((pair) => termsOf(pair, division)))] : []),
  ];
  const change = (pair: Pair): number => changesOf(pair.record, pair.reference)[quantity];
  const totals = [...pairs.map(change), ...(withMean ? [meanOf(deep.map(change)) ?? 0] : [])];
  const left = [
    ...pairs.map((pair) => remainsOf(pair, division)),
    ...(withMean ? [meanTerms(deep.map((pair) => remainsOf(pair, division)))] : []),
  ];
  return {
    name: `${name}-${schedule}`,
    title: `${schedule}: ${title}`,
    columns: [
      { head: 'term', form: 'text' },
      ...[...pairs.map(({ record }) => record.network), ...(withMean ? ['mean of the deep'] : [])].flatMap((head): SheetColumn[] => [
        { head, form: 'points' },
        { head: 'left', form: 'share' },
      ]),
    ],
    rows: [
      ...termRows(columns, left),
      ['change', ...totals.flatMap((total): Cell[] => [total, 1 + total])],
      ['sourced (abstract)', ...totals.flatMap((): Cell[] => [sourced, 1 + sourced])],
      ['difference', ...totals.flatMap((total): Cell[] => [total - sourced, undefined])],
    ],
    notes: [
      'Points: hundredths of the total of baseline; the terms of a column add up to the change. Left: what the schedule still has of it. The source gives no terms and no single networks, only one figure for all.',
      ...notes,
    ],
  };
}

/** A row a term, the small ones together. */
function termRows(columns: readonly (readonly Term[])[], left: readonly (readonly Term[])[]): Cell[][] {
  const partOf = (terms: readonly Term[] | undefined, name: string): number => terms?.find((term) => term.name === name)?.value ?? 0;
  const names = [...new Set(columns.flatMap((terms) => terms.map(({ name }) => name)))];
  const shown = names.filter((name) =>
    columns.some((terms, i) => Math.abs(partOf(terms, name)) >= LEAST || partOf(left[i], name) >= LEAST),
  );
  const sum = (terms: readonly Term[] | undefined): number =>
    (terms ?? []).filter(({ name }) => !shown.includes(name)).reduce((all, { value }) => all + value, 0);
  const rows = shown.map((name): Cell[] => [name, ...columns.flatMap((terms, i) => [partOf(terms, name), partOf(left[i], name)])]);
  return shown.length === names.length ? rows : [...rows, [REST, ...columns.flatMap((terms, i) => [sum(terms), sum(left[i])])]];
}
