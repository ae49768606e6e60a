import { baseFiles } from './bases.ts';
import { check, type Outcome } from './check.ts';
import { MUTATIONS } from './mutate.ts';
import { Random } from './random.ts';

/** A mutated file, made again from its number. */
export interface Case {
  readonly number: number;
  readonly mutation: string;
  readonly file: Uint8Array;
}

export interface Bug {
  readonly number: number;
  readonly mutation: string;
  readonly error: unknown;
}

/** Mutated program files, all drawn from one seed; case by case, so that one of them can be made alone. */
export class Campaign {
  private readonly bases = baseFiles();
  private readonly seed: number;

  constructor(seed: number) {
    this.seed = seed;
  }

  case(number: number): Case {
    const random = new Random(Math.imul(this.seed, 0x9e3779b1) + number);
    const mutation = random.pick(Object.keys(MUTATIONS));
    const file = MUTATIONS[mutation]?.(random, random.pick(this.bases), random.pick(this.bases)) ?? new Uint8Array();
    return { number, mutation, file };
  }

  /** Outcomes of the cases [from, to), and what is no outcome. `before` hears of every case before it is tried. */
  run(
    from: number,
    to: number,
    before: (number: number) => void = () => {},
  ): { outcomes: Record<string, Record<Outcome, number>>; bugs: Bug[] } {
    const outcomes = Object.fromEntries(Object.keys(MUTATIONS).map((name) => [name, { refused: 0, faulted: 0, completed: 0 }]));
    const bugs: Bug[] = [];
    for (let number = from; number < to; number++) {
      before(number);
      const { mutation, file } = this.case(number);
      const row = outcomes[mutation];
      try {
        const outcome = check(file);
        if (row !== undefined) row[outcome]++;
      } catch (error) {
        bugs.push({ number, mutation, error });
      }
    }
    return { outcomes, bugs };
  }
}
