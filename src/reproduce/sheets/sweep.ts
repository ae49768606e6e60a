import type { Cell, Sheet, SheetColumn } from '../../report/sheet.ts';
import { bytesText } from '../../report/units.ts';
import { isCounted, type RunRecord } from '../record.ts';
import { changesOf, deepPairs, distinct, meanChanges, ofPurpose, pairsOf, referenceOf } from '../select.ts';
import { refusals } from './schedules.ts';

/** One property of the machine that is swept; the runs of the comparison are one point of it. */
interface Sweep {
  readonly name: 'buffer' | 'memory';
  readonly title: string;
  readonly column: SheetColumn;
  point(record: RunRecord): string | number;
  /** How a point is called. */
  text(point: string | number): string;
}

const MIB = 2 ** 20;

const BUFFER: Sweep = {
  name: 'buffer',
  title: 'Sensitivity to the size of the global buffer',
  column: { head: 'buffer (MiB)', form: 'count' },
  point: ({ globalBytes }) => globalBytes / MIB,
  text: (point) => (Number.isInteger(point) ? `${point} MiB` : bytesText(Number(point) * MIB)),
};

const MEMORY: Sweep = {
  name: 'memory',
  title: 'Sensitivity to the memory',
  column: { head: 'memory', form: 'text' },
  point: ({ memory }) => memory,
  text: String,
};

/** Both sweeps, each as means over the deep networks and run by run; none where nothing was swept. */
export function sweepSheets(all: readonly RunRecord[]): Sheet[] {
  return [BUFFER, MEMORY].flatMap((sweep) => {
    const swept = ofPurpose(all, sweep.name);
    if (swept.length === 0) return [];
    const records = [...ofPurpose(all, 'schedules').filter((record) => record.ownNorm), ...swept];
    const points = distinct(records.map(sweep.point)).sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : 0));
    return [meansSheet(sweep, records, points), runsSheet(sweep, records, points)];
  });
}

function meansSheet(sweep: Sweep, records: readonly RunRecord[], points: readonly (string | number)[]): Sheet {
  const schedules = distinct(records.map(({ schedule }) => schedule));
  const rows = (['traffic', 'performance', 'energy'] as const).flatMap((quantity) =>
    schedules.map((schedule): Cell[] => {
      const cells = points.map((point) => {
        const chosen = records.filter((record) => record.schedule === schedule && sweep.point(record) === point);
        return meanChanges(deepPairs(pairsOf(chosen, records)))?.[quantity];
      });
      return [quantity, schedule, ...cells];
    }),
  );
  return {
    name: `${sweep.name}-means`,
    title: `${sweep.title}: mean over the deep networks against baseline on the same machine`,
    columns: [
      { head: 'quantity', form: 'text' },
      { head: 'schedule', form: 'text' },
      ...points.map((point): SheetColumn => ({ head: sweep.text(point), form: 'change' })),
    ],
    rows: rows.filter(([, schedule]) => schedule !== 'baseline'),
    notes: [],
  };
}

function runsSheet(sweep: Sweep, records: readonly RunRecord[], points: readonly (string | number)[]): Sheet {
  const ordered = distinct(records.map(({ network }) => network)).flatMap((network) =>
    distinct(records.map(({ schedule }) => schedule)).flatMap((schedule) =>
      points.flatMap((point) => records.filter((r) => r.network === network && r.schedule === schedule && sweep.point(r) === point)),
    ),
  );
  const rows = ordered.map((record): Cell[] => {
    const who = [record.network, record.schedule, sweep.point(record)];
    if (!isCounted(record)) return who;
    const { traffic, seconds, energy } = record.counted;
    const reference = referenceOf(records, record);
    const change = reference && changesOf(record, reference);
    return [...who, traffic.total, change?.traffic, seconds, change?.time, energy.total, change?.energy];
  });
  return {
    name: sweep.name,
    title: sweep.title,
    columns: [
      { head: 'network', form: 'text' },
      { head: 'schedule', form: 'text' },
      sweep.column,
      { head: 'traffic', form: 'bytes' },
      { head: 'vs base', form: 'change' },
      { head: 'time', form: 'seconds' },
      { head: 'vs base', form: 'change' },
      { head: 'energy', form: 'joules' },
      { head: 'vs base', form: 'change' },
    ],
    rows,
    notes: ['vs base: change against baseline on the same machine. All schedules with their default normalization.', ...refusals(records)],
  };
}
