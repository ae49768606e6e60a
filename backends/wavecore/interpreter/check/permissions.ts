import type { TensorKind } from '../../../../ir/tensor.ts';
import type { Allocation, Program, SamplesOf } from '../../program.ts';
import type { Image } from '../image.ts';

/** An allocation as one layer sees it. */
interface Permission extends Allocation {
  readonly end: number;
  readonly reads: boolean;
  readonly writes: boolean;
  /** Each sample has a share of the bytes. */
  readonly batched: boolean;
}

/** Tensors of these kinds are common to all samples. */
const COMMON: ReadonlySet<string> = new Set(['weight', 'weightGradient'] satisfies TensorKind[]);

/** What the layers of a program may touch in the global buffer, by row of the image. */
export class Permissions {
  /** Whether the program says anything of its buffer. */
  readonly known: boolean;
  private readonly byRow: Permission[][];
  private readonly alive: Allocation[][];
  /** Allocations that begin with the row, by address. */
  private readonly opening: Allocation[][];
  /** The permission that the last access used: the next mostly lies there too. */
  private last: Permission | undefined;
  private lastRow = -1;

  constructor(program: Program, image: Image) {
    const rows = new Map(image.rowInfo.map(({ group, layer }, row) => [`${group} ${layer}`, row]));
    const kinds = new Map(program.symbols.map(({ name, kind }) => [name, kind]));
    const empty = <T>(): T[][] => image.rowInfo.map(() => []);
    this.known = program.buffer.length > 0;
    this.byRow = empty();
    this.alive = empty();
    this.opening = empty();
    for (const allocation of program.buffer) {
      const used = allocation.layers.flatMap(({ layer, access }) => {
        const row = rows.get(`${allocation.group} ${layer}`);
        return row === undefined ? [] : [{ row, access }];
      });
      for (const { row, access } of used) {
        const permission = {
          ...allocation,
          end: allocation.address + allocation.bytes,
          reads: access !== 'write',
          writes: access !== 'read',
          batched: allocation.layers.length > 1 && !COMMON.has(kinds.get(allocation.name) ?? ''),
        };
        this.byRow[row]?.push(permission);
      }
      // The code of layers may stand in another order than that in which they use the allocation.
      const order = used.map(({ row }) => row);
      for (let row = Math.min(...order); row <= Math.max(...order); row++) this.alive[row]?.push(allocation);
      this.opening[order[0] ?? 0]?.push(allocation);
    }
    this.opening.forEach((allocations, row) => {
      this.opening[row] = allocations.filter((allocation) => !this.takesOver(row, allocation));
    });
  }

  /** Whether all of [from, to) lies in one allocation that the layer of `row` may read, or write, with these samples if it is shared by samples. */
  allows(row: number, from: number, to: number, write: boolean, part?: SamplesOf): boolean {
    const { last } = this;
    const holds = (p: Permission): boolean => {
      if (from < p.address || to > p.end || !(write ? p.writes : p.reads)) return false;
      if (part === undefined || !p.batched) return true;
      const sample = p.bytes / part.of;
      return from >= p.address + sample * part.from && to <= p.address + sample * part.to;
    };
    if (row === this.lastRow && last !== undefined && holds(last)) return true;
    this.last = this.byRow[row]?.find(holds);
    this.lastRow = row;
    return this.last !== undefined;
  }

  /** Names of the allocations alive at `row` that [from, to) touches. */
  at(row: number, from: number, to: number): string[] {
    return (this.alive[row] ?? []).filter((a) => a.address < to && a.address + a.bytes > from).map(({ name }) => name);
  }

  /** Allocations that begin with the layer of `row` and hold nothing yet. */
  begin(row: number): readonly Allocation[] {
    return this.opening[row] ?? [];
  }

  /** A result computed in place: its bytes hold an operand of the layer. */
  private takesOver(row: number, allocation: Allocation): boolean {
    const end = allocation.address + allocation.bytes;
    return (this.byRow[row] ?? []).some(
      (p) => p.reads && p.address < end && p.end > allocation.address && !(this.opening[row] ?? []).some((o) => o.name === p.name),
    );
  }
}
