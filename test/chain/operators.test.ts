import { describe, it } from 'vitest';
import { expectAgreement, RUNS } from './agreement.ts';
import { OPERATORS } from './operators.ts';

describe.each(Object.entries(OPERATORS))('%s', (_name, middle) => {
  it.each(RUNS)('$schedule, mini-batch $batch, $kib KiB, $mode', (run) => expectAgreement(middle, run));
});
