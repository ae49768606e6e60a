import { countText } from './units.ts';

/** Who runs a step, and on how many samples. */
export interface StepSize {
  readonly cores: number;
  /** Samples a core. */
  readonly batch: number;
}

export function stepText({ cores, batch }: StepSize): string {
  const samples = `${batch} samples a core`;
  return cores === 1 ? samples : `${countText(cores)} cores, ${samples}`;
}

/** Whose numbers a report shows. */
export function coresText(cores: number): string {
  return cores === 1 ? 'one core' : `${countText(cores)} cores`;
}
