/** A set of byte ranges, ascending, apart from each other. */
class Ranges {
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  add(from: number, to: number): void {
    let first = this.starts.length;
    // Transfers mostly continue the one before.
    while (first > 0 && (this.ends[first - 1] ?? 0) >= from) first--;
    let next = first;
    let [low, high] = [from, to];
    while (next < this.starts.length && (this.starts[next] ?? 0) <= to) {
      low = Math.min(low, this.starts[next] ?? low);
      high = Math.max(high, this.ends[next] ?? high);
      next++;
    }
    this.starts.splice(first, next - first, low);
    this.ends.splice(first, next - first, high);
  }

  /** The first byte of [0, size) that is in no range. */
  firstGap(size: number): number | undefined {
    let end = 0;
    for (let i = 0; i < this.starts.length && (this.starts[i] ?? 0) <= end; i++) end = this.ends[i] ?? end;
    return end < size ? end : undefined;
  }
}

/** A tensor of which a layer transfers only a part, over all iterations. */
export interface PartialTransfer {
  readonly row: number;
  readonly tensor: number;
  /** The first byte that is left out, from the start of the tensor. */
  readonly gap: number;
}

/** Which bytes of every tensor each layer loads, and stores: a layer works on whole tensors, however they are cut. */
export class Coverage {
  private readonly sets = new Map<number, Ranges>();
  private readonly tensors: number;

  constructor(tensors: number) {
    this.tensors = tensors;
  }

  add(row: number, tensor: number, write: boolean, from: number, to: number): void {
    const key = 2 * (row * this.tensors + tensor) + (write ? 1 : 0);
    let ranges = this.sets.get(key);
    if (ranges === undefined) {
      ranges = new Ranges();
      this.sets.set(key, ranges);
    }
    ranges.add(from, to);
  }

  gaps(bytesOf: (tensor: number) => number): PartialTransfer[] {
    return [...this.sets].flatMap(([key, ranges]) => {
      const pair = Math.floor(key / 2);
      const [row, tensor] = [Math.floor(pair / this.tensors), pair % this.tensors];
      const gap = ranges.firstGap(bytesOf(tensor));
      return gap === undefined ? [] : [{ row, tensor, gap }];
    });
  }
}
