interface Piece<T> {
  readonly from: number;
  readonly to: number;
  readonly value: T;
}

/** Something known of every byte of several spaces, alike for stretches of bytes. */
export class Ranges<T> {
  private readonly spaces = new Map<string | undefined, Piece<T>[]>();
  private readonly empty: () => T;
  private readonly copy: (value: T) => T;

  /** @param empty what is known of bytes that nothing was noted of; @param copy for stretches that are divided */
  constructor(empty: () => T, copy: (value: T) => T) {
    this.empty = empty;
    this.copy = copy;
  }

  /** Visits the stretches that make up [from, to), dividing those at its ends; what is visited may be changed. */
  visit(space: string | undefined, from: number, to: number, act: (value: T) => void): void {
    if (from >= to) return;
    const pieces = this.spaces.get(space) ?? [{ from: 0, to: Number.POSITIVE_INFINITY, value: this.empty() }];
    const first = indexOf(pieces, from);
    const inside: Piece<T>[] = [];
    let end = first;
    for (; end < pieces.length; end++) {
      const piece = pieces[end];
      if (piece === undefined || piece.from >= to) break;
      const cuts = [piece.from, Math.max(piece.from, from), Math.min(piece.to, to), piece.to];
      cuts.slice(1).forEach((cut, i) => {
        const start = cuts[i] ?? cut;
        if (start < cut) inside.push({ from: start, to: cut, value: i === 1 ? piece.value : this.copy(piece.value) });
      });
    }
    for (const piece of inside) if (piece.from >= from && piece.to <= to) act(piece.value);
    pieces.splice(first, end - first, ...inside);
    this.spaces.set(space, pieces);
  }

  /** Forgets all of a space. */
  clear(space: string): void {
    this.spaces.delete(space);
  }
}

/** The piece that holds `at`; pieces ascend and leave nothing out. */
function indexOf<T>(pieces: readonly Piece<T>[], at: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((pieces[middle]?.from ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
