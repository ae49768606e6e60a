import type { Sheet } from '../report/sheet.ts';
import { METHOD, OURS } from './matrix.ts';
import type { RunRecord } from './record.ts';
import { differencesSheet } from './sheets/differences.ts';
import { followUpSheet } from './sheets/follow-up.ts';
import { headlineSheet, sourcedSheet } from './sheets/headline.ts';
import { energySheet, groupsSheet, limitsSheet, schedulesSheet, trafficSheet } from './sheets/schedules.ts';
import { sweepSheets } from './sheets/sweep.ts';
import { termSheets } from './sheets/terms.ts';

/** All tables of a reproduction; those that would be empty are left out. */
export function reproductionSheets(records: readonly RunRecord[]): Sheet[] {
  return [
    sourcedSheet(),
    headlineSheet(records),
    ...differencesSheet(records, METHOD),
    ...followUpSheet(records),
    schedulesSheet(records),
    trafficSheet(records),
    energySheet(records),
    limitsSheet(records),
    ...[METHOD, ...OURS].flatMap((schedule) => termSheets(records, schedule)),
    ...sweepSheets(records),
    groupsSheet(records),
  ].filter(({ rows }) => rows.length > 0);
}
