import type { Network } from './network.ts';

/** How far the tensors reach that a cut of a phase goes through: the first and (behind it) the last use of any of them; the cut itself where there are none. */
export class Reach {
  readonly from: number;
  readonly to: number;
  private readonly firstUses: number[] = [];
  private readonly lastUses: number[] = [];
  /** The tensors that are cut into sub-batches: the layers that use each, and its bytes a sample. */
  private readonly tensors: readonly { readonly users: readonly number[]; readonly bytes: number }[];

  constructor({ layers }: Network, from: number, to: number) {
    this.from = from;
    this.to = to;
    for (let cut = from; cut <= to; cut++) {
      this.firstUses.push(cut);
      this.lastUses.push(cut);
    }
    const tensors = new Map<string, { readonly users: number[]; readonly bytes: number }>();
    for (const { index, inputs, outputs } of layers.slice(from, to)) {
      for (const { tensor, batched, bytes } of [...inputs, ...outputs]) {
        const known = tensors.get(tensor);
        if (known !== undefined) known.users.push(index);
        else if (batched) tensors.set(tensor, { users: [index], bytes });
      }
    }
    this.tensors = [...tensors.values()];
    for (const { users } of this.tensors) {
      const [first = 0] = users;
      const last = users.at(-1) ?? first;
      for (let cut = first + 1; cut <= last; cut++) {
        this.firstUses[cut - from] = Math.min(this.before(cut), first);
        this.lastUses[cut - from] = Math.max(this.behind(cut), last + 1);
      }
    }
  }

  /** The layers that use a tensor of at most `most` bytes a sample which a cut goes through. */
  usersAcross(cut: number, most: number): readonly number[] {
    const across = this.tensors.filter(({ users, bytes }) => bytes <= most && (users[0] ?? cut) < cut && (users.at(-1) ?? 0) >= cut);
    return [...new Set(across.flatMap(({ users }) => users))];
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
