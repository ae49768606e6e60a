import type { ScheduleName } from '../../../passes/mbs/schedule.ts';
import { busiestUnit, UNITS } from '../../report/run-report.ts';
import type { Cell, Sheet } from '../../report/sheet.ts';
import { changeText, pointsText, shareText } from '../../report/units.ts';
import type { CountedRecord, RunRecord } from '../record.ts';
import { type Changes, changesOf, deepPairs, meanChanges, ofPurpose, type Pair, pairsOf } from '../select.ts';
import { HEADLINE } from '../sourced.ts';
import { byArray, byEnergySource, byTensorKind, remainsOf, type Term, termsOf } from '../terms.ts';

/** How many terms a sentence names. */
const NAMED = 4;

/** A schedule held against the sourced headline, network by network, with what the counts say of each difference. */
export function differencesSheet(all: readonly RunRecord[], schedule: ScheduleName): Sheet[] {
  const records = ofPurpose(all, 'schedules');
  const pairs = pairsOf(
    records.filter((record) => record.schedule === schedule && record.ownNorm),
    records,
  );
  const mean = meanChanges(deepPairs(pairs));
  if (pairs.length === 0) return [];
  const rows = pairs.map(({ record, reference }) => rowOf(record.network, 'counted', changesOf(record, reference)));
  return [
    {
      name: `differences-${schedule}`,
      title: `${schedule} against the published headline`,
      columns: [
        { head: 'network', form: 'text' },
        { head: 'figures', form: 'text' },
        { head: 'traffic', form: 'change' },
        { head: 'from sourced', form: 'points' },
        { head: 'performance', form: 'change' },
        { head: 'from sourced', form: 'points' },
        { head: 'energy', form: 'change' },
        { head: 'from sourced', form: 'points' },
      ],
      rows: [
        ...rows,
        ...(mean === undefined ? [] : [rowOf('mean of the deep', 'counted', mean)]),
        [
          'one figure for all',
          'sourced (abstract)',
          HEADLINE.traffic,
          undefined,
          HEADLINE.performance,
          undefined,
          HEADLINE.energy,
          undefined,
        ],
      ],
      notes: [
        'The source gives one figure for all networks, and no terms. The sentences below say of what ours is made up, in hundredths of the total of baseline.',
        ...pairs.flatMap(sentencesOf),
      ],
    },
  ];
}

function rowOf(name: string, figures: string, { traffic, performance, energy }: Changes): Cell[] {
  return [
    ...[name, figures, traffic, traffic - HEADLINE.traffic],
    ...[performance, performance - HEADLINE.performance, energy, energy - HEADLINE.energy],
  ];
}

/** What the counts say of one network, a line a quantity. */
function sentencesOf(pair: Pair): string[] {
  const { record, reference } = pair;
  const change = changesOf(record, reference);
  const { energy } = record.counted;
  const head = `${record.network}, `;
  return [
    `${head}traffic ${changeText(1 + change.traffic, 1)}: what is left is ${listed(remainsOf(pair, byTensorKind), (x) => shareText(x, 1))}.`,
    `${head}time ${changeText(1 + change.time, 1)}: ${listed(termsOf(pair, byArray), pointsText)}; baseline is limited by ${limitText(reference)}, ${record.schedule} by ${limitText(record)}.`,
    `${head}energy ${changeText(1 + change.energy, 1)}: ${listed(termsOf(pair, byEnergySource), pointsText)}; ${shareText(energy.total - energy.dram, energy.total)} of what is left rests on assumed energies.`,
  ];
}

/** The largest terms, each with its value. */
function listed(terms: readonly Term[], text: (value: number) => string): string {
  return terms
    .toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, NAMED)
    .map(({ name, value }) => `${name} ${text(value)}`)
    .join(', ');
}

/** The unit that no overlap could hide, and how much of the time it works. */
function limitText({ counted: { units, cycles } }: CountedRecord): string {
  const unit = busiestUnit((name) => units[name].busy);
  return `${UNITS[unit]} (busy ${shareText(units[unit].busy, cycles)})`;
}
