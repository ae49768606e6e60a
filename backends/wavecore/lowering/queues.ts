/** The queues of the units that move or compute data. Each works in order; between them only tokens order. */
export const QUEUES = ['load', 'store', 'matrix', 'vector'] as const;
export type Queue = (typeof QUEUES)[number];

/** The instruction of each queue that waits and signals and does nothing else. */
export const SYNC = { load: 'd.ld_sync', store: 'd.st_sync', matrix: 'm.sync', vector: 'v.sync' } as const;

/** Tokens below are for use within tasks. */
const FIRST_EDGE = 32;

/** The token of all edges from one queue to another: their signals and waits come in the same order. */
export function edgeToken(from: Queue, to: Queue): number {
  return FIRST_EDGE + QUEUES.indexOf(from) * QUEUES.length + QUEUES.indexOf(to);
}
