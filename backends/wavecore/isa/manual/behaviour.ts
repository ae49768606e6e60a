import type { Op } from '../table.ts';
import { CONTROL } from './control.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { GENERAL } from './general.ts';
import { LOSS_AND_UPDATE } from './loss-and-update.ts';
import { MATRIX } from './matrix.ts';
import { NORMALIZATION } from './normalization.ts';
import { POOLING } from './pooling.ts';

/** What the manual says of every instruction beyond the table, in its pseudo-code; one that is missing does not compile. */
export const BEHAVIOUR: Readonly<Record<Op, Behaviour>> = {
  ...CONTROL,
  ...MATRIX,
  ...ELEMENTWISE,
  ...NORMALIZATION,
  ...POOLING,
  ...LOSS_AND_UPDATE,
  ...GENERAL,
};

export interface Behaviour {
  /** Precise semantics in the manual's pseudo-code. */
  readonly code: string;
  /** Cycles and accesses; of vector instructions both follow from the interpreter's record. */
  readonly cycles?: string;
  readonly accesses?: string;
}
