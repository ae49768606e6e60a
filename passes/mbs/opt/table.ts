/** Costs of a part by what happens at its two ends: index 0 is a group boundary, i the group that goes on with the i-th sub-batch size. */
export class Table {
  readonly size: number;
  readonly costs: Float64Array;

  constructor(size: number, costs = new Float64Array(size * size).fill(Number.POSITIVE_INFINITY)) {
    this.size = size;
    this.costs = costs;
  }

  at(enter: number, exit: number): number {
    return this.costs[enter * this.size + exit] ?? Number.POSITIVE_INFINITY;
  }

  set(enter: number, exit: number, cost: number): void {
    this.costs[enter * this.size + exit] = cost;
  }

  /** One part behind another: the least sum over what may happen between them. */
  before(next: Table): Table {
    const { size, costs } = this;
    const both = new Table(size);
    for (let a = 0; a < size; a++)
      for (let b = 0; b < size; b++) {
        const first = costs[a * size + b] ?? Number.POSITIVE_INFINITY;
        if (first === Number.POSITIVE_INFINITY) continue;
        for (let c = 0; c < size; c++) {
          const cost = first + (next.costs[b * size + c] ?? Number.POSITIVE_INFINITY);
          if (cost < (both.costs[a * size + c] ?? 0)) both.costs[a * size + c] = cost;
        }
      }
    return both;
  }

  /** Costs nothing and changes nothing. */
  static nothing(size: number): Table {
    const out = new Table(size);
    for (let i = 0; i < size; i++) out.set(i, i, 0);
    return out;
  }
}
