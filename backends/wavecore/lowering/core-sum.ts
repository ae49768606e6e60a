import type { Reduction } from '../../../passes/mbs/division.ts';
import { VECTOR_SLOTS } from '../isa/slots.ts';
import type { Allocation, ProgramSymbol } from '../program.ts';
import { slotValues } from './configuration.ts';
import { TOKEN } from './context.ts';
import { type DmaRows, emitDma, run } from './dma.ts';
import { constant, type Emitter, plus, ZERO } from './emitter.ts';
import { pipelined, type Turn } from './turns.ts';

const ELEMENT_BYTES = 4;

/** Where a chunk of region `i` lies in the global buffer: the first of its two places. */
function placeOf({ chunk }: Reduction, i: number): number {
  return 2 * chunk * i;
}

/** Emits the sum of the regions of all cores, added in the order of the cores in f32, into the first: chunk by chunk through the buffer. */
export function emitCoreSum(e: Emitter, reduction: Reduction, regions: readonly ProgramSymbol[]): void {
  const { bytes, chunk } = reduction;
  const alternates = bytes > chunk;
  const [loads, turns] = [e.register(), e.register()];
  for (const counter of [loads, turns]) e.assign(counter, ZERO);
  const place = (i: number, counter: number): number => {
    const address = placeOf(reduction, i);
    return alternates ? e.half(address, chunk, counter) : e.value(constant(address));
  };
  const row = (i: number, { offset, size }: Turn, counter: number): DmaRows =>
    run(e.value(plus(offset, regions[i]?.address ?? 0)), place(i, counter), size);
  if (alternates) e.op('d.ld_sync', {}, { signal: [TOKEN.free, TOKEN.free] });
  pipelined(
    e,
    bytes,
    chunk,
    (turn) => {
      const rows = regions.map((_, i) => row(i, turn, loads));
      emitDma(e, 'd.ld', rows, { wait: alternates ? [TOKEN.free] : [], signal: [TOKEN.loaded] });
      e.increment(loads);
    },
    (turn) => {
      e.op('v.sync', {}, { wait: [TOKEN.loaded] });
      e.configure('vector', slotValues(VECTOR_SLOTS, { COUNT: turn.size / ELEMENT_BYTES }));
      const sum = place(0, turns);
      regions.slice(1).forEach((_, i) => e.op('v.sum', { dst: sum, a: sum, b: place(i + 1, turns) }));
      e.op('v.sync', {}, { signal: [TOKEN.ready] });
      emitDma(e, 'd.st', [row(0, turn, turns)], { wait: [TOKEN.ready], signal: alternates ? [TOKEN.free] : [] });
      e.increment(turns);
    },
  );
  if (alternates) e.op('d.st_sync', {}, { wait: [TOKEN.free, TOKEN.free] });
}

/** The places of a sum in the global buffer. */
export function coreSumAllocations(group: number, reduction: Reduction, regions: readonly ProgramSymbol[]): Allocation[] {
  const { chunk, bytes, layer } = reduction;
  return regions.flatMap(({ name }, i) =>
    Array.from({ length: bytes > chunk ? 2 : 1 }, (_, half) => ({
      group,
      name,
      address: placeOf(reduction, i) + half * chunk,
      bytes: chunk,
      layers: [{ layer, access: 'both' as const }],
    })),
  );
}
