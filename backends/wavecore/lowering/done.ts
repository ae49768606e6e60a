import { constant, contents, type Emitter, ZERO } from './emitter.ts';

/** Registers that are not 0 once something has been done, and once it has been done twice. */
export type Done = readonly [once: number, twice: number];

export function notDone(e: Emitter): Done {
  const done = [e.register(), e.register()] as const;
  for (const r of done) e.assign(r, ZERO);
  return done;
}

/** It has been done once more. */
export function countDone(e: Emitter, [once, twice]: Done): void {
  e.assign(twice, contents(once));
  e.assign(once, constant(1));
}
