// Writes the ISA manual from the ISA table, the interpreter's records and the chapters beside the table.
import { renameSync, writeFileSync } from 'node:fs';
import { MANUAL, manualText } from './manual/files.ts';

writeFileSync(`${MANUAL}.new`, manualText());
renameSync(`${MANUAL}.new`, MANUAL);
