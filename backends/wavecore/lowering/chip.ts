import { type Affine, constant, contents, type Emitter, plus, ZERO } from './emitter.ts';

/** Storages that a step reads and writes. */
export interface Uses {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** Stands for all cores, each on its own samples and its own partial sums. */
const EVERY_CORE = -1;

/**
 * The cores that execute the program: one code for all. Lets a step run on one of them, and the cores meet before a step that touches
 * what another core has used since they met last, one of the two writing.
 */
export class Chip {
  /** Number of the core, and its first sample in the mini-batch; constants where there is only one core. */
  readonly core: Affine;
  readonly firstSample: Affine;
  private readonly e: Emitter;
  private readonly cores: number;
  private readonly readers = new Map<string, Set<number>>();
  private readonly writers = new Map<string, Set<number>>();

  /** @param batch samples a core */
  constructor(e: Emitter, cores: number, batch: number) {
    this.e = e;
    this.cores = cores;
    this.core = cores === 1 ? ZERO : contents(e.register());
    for (const { reg } of this.core.terms) e.op('core', { rd: reg });
    this.firstSample = cores === 1 ? ZERO : contents(e.register());
    for (const { reg: rs } of this.core.terms)
      for (const { reg: rd } of this.firstSample.terms) e.op('la', { rd, rs, scale: batch, base: 0 });
  }

  /** Emits a step that `owner` runs alone; without owner, one that every core runs. */
  step(owner: number | undefined, uses: Uses, body: () => void): void {
    if (this.cores === 1) {
      body();
      return;
    }
    const who = owner ?? EVERY_CORE;
    if (this.conflicts(who, uses)) this.meet();
    for (const tensor of uses.reads) note(this.readers, tensor, who);
    for (const tensor of uses.writes) note(this.writers, tensor, who);
    if (owner === undefined) body();
    else this.e.when(plus(this.core, constant(-owner)), 'zero', body);
  }

  private meet(): void {
    this.e.op('barrier', {});
    this.readers.clear();
    this.writers.clear();
  }

  private conflicts(who: number, { reads, writes }: Uses): boolean {
    const byOther = (users: ReadonlyMap<string, ReadonlySet<number>>, tensor: string): boolean =>
      [...(users.get(tensor) ?? [])].some((user) => user !== who);
    return [...reads, ...writes].some((t) => byOther(this.writers, t)) || writes.some((t) => byOther(this.readers, t));
  }
}

function note(users: Map<string, Set<number>>, tensor: string, who: number): void {
  const known = users.get(tensor);
  if (known === undefined) users.set(tensor, new Set([who]));
  else known.add(who);
}
