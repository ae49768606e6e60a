import type { Cell, Sheet } from '../../report/sheet.ts';
import { METHOD } from '../matrix.ts';
import { isCounted, type RunRecord } from '../record.ts';
import { distinct, meanOf, ofPurpose } from '../select.ts';
import { CRANE_TRAFFIC } from '../sourced.ts';
import { refusals } from './schedules.ts';

/** Traffic of the method over that of our schedules, at the mini-batch of the follow-up comparison; none where no schedule of ours ran. */
export function followUpSheet(all: readonly RunRecord[]): Sheet[] {
  const records = ofPurpose(all, 'follow-up');
  const method = records.filter(({ schedule }) => schedule === METHOD).filter(isCounted);
  const ours = distinct(records.map(({ schedule }) => schedule)).filter((schedule) => schedule !== METHOD);
  if (ours.length === 0) return [];
  const rows = ours.flatMap((schedule) => {
    const ratios = method.flatMap(({ network, counted }): [string, number, number, number][] => {
      const own = records.filter(isCounted).find((r) => r.schedule === schedule && r.network === network)?.counted;
      return own === undefined ? [] : [[network, counted.traffic.total, own.traffic.total, counted.traffic.total / own.traffic.total]];
    });
    const mean = meanOf(ratios.map(([, , , ratio]) => ratio));
    const own = ratios.map(([network, before, after, ratio]): Cell[] => [network, schedule, 'counted', before, after, ratio]);
    return mean === undefined ? own : [...own, [`mean of ${ratios.length}`, schedule, 'counted', undefined, undefined, mean]];
  });
  const { least, most, mean } = CRANE_TRAFFIC;
  const sourced = (what: string, ratio: number): Cell[] => [what, 'Crane', 'sourced (Crane, Fig. 11)', undefined, undefined, ratio];
  return [
    {
      name: 'follow-up',
      title: `Traffic of ${METHOD} over that of schedules beyond the method, mini-batch 256 a chip`,
      columns: [
        { head: 'network', form: 'text' },
        { head: 'schedule', form: 'text' },
        { head: 'figures', form: 'text' },
        { head: METHOD, form: 'bytes' },
        { head: 'schedule', form: 'bytes' },
        { head: 'ratio', form: 'ratio' },
      ],
      rows: [...rows, sourced('least of 4', least), sourced('most of 4', most), sourced('mean of 4', mean)],
      notes: ['128 samples a core. Means: arithmetic.', ...refusals(records)],
    },
  ];
}
