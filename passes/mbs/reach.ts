import type { Network } from './network.ts';

/** How far the tensors reach that a cut of a phase goes through: the first and (behind it) the last use of any of them; the cut itself where there are none. */
export class Reach {
  readonly from: number;
  readonly to: number;
  private readonly firstUses: number[] = [];
  private readonly lastUses: number[] = [];
  /** For every tensor that is cut into sub-batches, the layers that use it. */
  private readonly users: readonly (readonly number[])[];

  constructor({ layers }: Network, from: number, to: number) {
    this.from = from;
    this.to = to;
    for (let cut = from; cut <= to; cut++) {
      this.firstUses.push(cut);
      this.lastUses.push(cut);
    }
    const users = new Map<string, number[]>();
    for (const { index, inputs, outputs } of layers.slice(from, to)) {
      for (const { tensor, batched } of [...inputs, ...outputs]) {
        const known = users.get(tensor);
        if (known !== undefined) known.push(index);
        else if (batched) users.set(tensor, [index]);
      }
    }
    this.users = [...users.values()];
    for (const [first = 0, ...others] of this.users) {
      const last = others.at(-1) ?? first;
      for (let cut = first + 1; cut <= last; cut++) {
        this.firstUses[cut - from] = Math.min(this.before(cut), first);
        this.lastUses[cut - from] = Math.max(this.behind(cut), last + 1);
      }
    }
  }

  /** The layers that use a tensor which a cut goes through. */
  usersAcross(cut: number): readonly number[] {
    const across = this.users.filter((users) => (users[0] ?? cut) < cut && (users.at(-1) ?? 0) >= cut);
    return [...new Set(across.flat())];
  }

  before(cut: number): number {
    return this.firstUses[cut - this.from] ?? this.from;
  }

  behind(cut: number): number {
    return this.lastUses[cut - this.from] ?? this.to;
  }

  /** The first cut from `at` on that goes through no tensor used before `at`, and the last one up to `at` through none used from `at` on. */
  clearBehind(at: number): number {
    let cut = at;
    while (cut < this.to && this.before(cut) < at) cut++;
    return cut;
  }

  clearBefore(at: number): number {
    let cut = at;
    while (cut > this.from && this.behind(cut) > at) cut--;
    return cut;
  }
}
