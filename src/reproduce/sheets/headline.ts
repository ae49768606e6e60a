import type { Sheet } from '../../report/sheet.ts';
import type { RunRecord } from '../record.ts';
import { deepPairs, distinct, meanChanges, ofPurpose, pairsOf } from '../select.ts';
import { HEADLINE, SOURCED } from '../sourced.ts';

/** The published figures, and nothing else. */
export function sourcedSheet(): Sheet {
  return {
    name: 'sourced',
    title: 'Published figures (sourced)',
    columns: [
      { head: 'what', form: 'text' },
      { head: 'figure', form: 'text' },
      { head: 'source', form: 'text' },
    ],
    rows: SOURCED.map(({ what, figure, source }) => [what, figure, source]),
    notes: [
      'Nothing else on this page is published: networks, samples a core, definitions of the schedules and the numbers of the machine that are not marked sourced in its description are assumed, and all results are counted by executing programs.',
    ],
  };
}

/** Means over the deep networks, a row a schedule, with the sourced headline below. */
export function headlineSheet(all: readonly RunRecord[]): Sheet {
  const records = ofPurpose(all, 'schedules');
  const keys = distinct(records.map(({ ownNorm, schedule }) => `${ownNorm ? 0 : 1} ${schedule}`)).sort(
    (a, b) => a.charCodeAt(0) - b.charCodeAt(0),
  );
  const rows = keys.flatMap((key) => {
    const chosen = records.filter(({ ownNorm, schedule }) => key === `${ownNorm ? 0 : 1} ${schedule}`);
    const pairs = deepPairs(pairsOf(chosen, records));
    const mean = meanChanges(pairs);
    const [first] = pairs;
    if (mean === undefined || first === undefined) return [];
    const { schedule, norm } = first.record;
    return [[schedule, norm, 'counted', pairs.length, mean.traffic, mean.performance, mean.energy]];
  });
  const { traffic, performance, energy } = HEADLINE;
  return {
    name: 'headline',
    title: 'Mean over the deep networks, each against its baseline',
    columns: [
      { head: 'schedule', form: 'text' },
      { head: 'norm', form: 'text' },
      { head: 'figures', form: 'text' },
      { head: 'networks', form: 'count' },
      { head: 'traffic', form: 'change' },
      { head: 'performance', form: 'change' },
      { head: 'energy', form: 'change' },
    ],
    rows: [...rows, ['MBS and WaveCore', undefined, 'sourced (abstract)', undefined, traffic, performance, energy]],
    notes: [
      'Mean: arithmetic mean of the changes of the networks but AlexNet. Performance: steps a second. Baseline: that with its default normalization, for all rows.',
    ],
  };
}
