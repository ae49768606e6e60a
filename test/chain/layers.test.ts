import { describe, it } from 'vitest';
import { expectAgreement, RUNS } from './agreement.ts';
import { MIDDLES } from './layers.ts';

describe.each(Object.entries(MIDDLES))('%s', (_name, middle) => {
  it.each(RUNS)('$schedule, mini-batch $batch, $kib KiB, $mode', (run) => expectAgreement(middle, run));
});
