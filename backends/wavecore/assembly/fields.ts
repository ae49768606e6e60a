import type { Field } from '../isa/table.ts';

/** Fields that the text gives in one expression, `rs*scale + base`; some instructions have no base. */
export const AFFINE = ['rs', 'scale', 'base'] as const;

/** How many fields from the `i`-th on one affine expression gives: 0 where there is none. */
export function affineFields(fields: readonly Field[], i: number): 0 | 2 | 3 {
  const has = AFFINE.map((name, j) => fields[i + j]?.name === name);
  if (!has[0] || !has[1]) return 0;
  return has[2] ? 3 : 2;
}

export function isRegisterField({ type }: Field): boolean {
  return type === 'reg' || type === 'half';
}
