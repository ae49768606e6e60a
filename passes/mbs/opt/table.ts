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
  then(next: Table): Table {
    const both = new Table(this.size);
    for (let a = 0; a < this.size; a++)
      for (let b = 0; b < this.size; b++) {
        const first = this.at(a, b);
        if (first === Number.POSITIVE_INFINITY) continue;
        for (let c = 0; c < this.size; c++) {
          const cost = first + next.at(b, c);
          if (cost < both.at(a, c)) both.set(a, c, cost);
        }
      }
    return both;
  }

  transposed(): Table {
    const out = new Table(this.size);
    for (let a = 0; a < this.size; a++) for (let b = 0; b < this.size; b++) out.set(b, a, this.at(a, b));
    return out;
  }

  /** Costs nothing and changes nothing. */
  static nothing(size: number): Table {
    const out = new Table(size);
    for (let i = 0; i < size; i++) out.set(i, i, 0);
    return out;
  }
}
