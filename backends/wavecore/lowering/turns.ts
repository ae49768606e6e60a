import { type Affine, constant, type Emitter, plus, times } from './emitter.ts';

/** One turn of a pipelined loop: `size` items from `offset` on. */
export interface Turn {
  readonly offset: Affine;
  readonly size: number;
}

/** Emits what is to be done with the turn behind the present one, where there is one. */
type Ahead = (visit: (next: Turn) => void) => void;

/**
 * Cuts `total` items into turns of `size` and a remainder, and issues the load of each turn before the body of the
 * turn before it, so that the DMA runs one turn ahead of the compute units. The first load may be another, and one behind the last may follow.
 */
export function pipelined(
  e: Emitter,
  total: number,
  size: number,
  load: (turn: Turn) => void,
  body: (turn: Turn, ahead: Ahead) => void,
  loadFirst: (turn: Turn) => void = load,
  loadBehind: () => void = () => {},
): void {
  const full = Math.floor(total / size);
  const rest = total % size;
  const tail: Turn | undefined = rest > 0 ? { offset: constant(full * size), size: rest } : undefined;
  const first: Turn | undefined = full > 0 ? { offset: constant(0), size } : tail;
  if (first === undefined) return;
  e.scope(() => loadFirst(first));
  e.loop(full, size, (offset) => {
    const remaining = plus(times(offset, -1), (full - 1) * size);
    const ahead: Ahead = (visit) => {
      e.when(remaining, 'nonzero', () => visit({ offset: plus(offset, size), size }));
      if (tail !== undefined) e.when(remaining, 'zero', () => visit(tail));
    };
    ahead(load);
    if (tail === undefined) e.when(remaining, 'zero', loadBehind);
    e.scope(() => body({ offset, size }, ahead));
  });
  if (tail === undefined) return;
  e.scope(loadBehind);
  e.scope(() => body(tail, () => {}));
}

/** The same over the stripes of each of `samples` samples: stripes are unrolled, samples loop. */
export function pipelinedStripes(
  e: Emitter,
  samples: number,
  stripes: number,
  load: (sample: Affine, stripe: number) => void,
  body: (sample: Affine, stripe: number) => void,
  loadFirst: (sample: Affine, stripe: number) => void = load,
  loadBehind: () => void = () => {},
): void {
  e.scope(() => loadFirst(constant(0), 0));
  e.loop(samples, 1, (sample) => {
    for (let j = 0; j < stripes; j++) {
      if (j + 1 < stripes) e.scope(() => load(sample, j + 1));
      else {
        const remaining = plus(times(sample, -1), samples - 1);
        e.when(remaining, 'nonzero', () => load(plus(sample, 1), 0));
        e.when(remaining, 'zero', loadBehind);
      }
      e.scope(() => body(sample, j));
    }
  });
}
