import { livePerSample } from '../layout.ts';
import type { LayerView } from '../network.ts';
import { accessesOf, type GroupAccesses, type Interval, type Surroundings } from '../residency.ts';
import type { Part } from './part.ts';

/** Where the tensors of a part are while `refused` do not stay on chip, some joined layers being apart; no sub-batch size enters into it. */
export class PartLayout {
  readonly views: readonly LayerView[];
  readonly apart: ReadonlySet<string>;
  /** Until `accesses` is asked for, those of a layout in which more stays on chip without what does not here: at most as much is alive. */
  live: readonly number[] = [];
  private intervals: readonly Interval[] = [];
  private readonly part: Part;
  private readonly around: Surroundings;
  private readonly refused: ReadonlySet<string>;
  private readonly smaller = new Map<string, PartLayout>();
  private found: GroupAccesses | undefined;

  constructor(part: Part, around: Surroundings, refused: ReadonlySet<string>, apart: ReadonlySet<string>, intervals?: readonly Interval[]) {
    this.part = part;
    this.around = around;
    this.refused = refused;
    this.apart = apart;
    this.views = this.viewed().network.layers.slice(part.from, part.to);
    if (intervals === undefined) this.found = this.find();
    else this.settle(intervals);
  }

  get accesses(): GroupAccesses {
    this.found ??= this.find();
    return this.found;
  }

  without(tensor: string): PartLayout {
    const others = (): Interval[] => this.intervals.filter((v) => v.tensor !== tensor);
    return this.remembered(tensor, () => new PartLayout(this.part, this.around, new Set([...this.refused, tensor]), this.apart, others()));
  }

  takenApart(joined: readonly string[]): PartLayout {
    const apart = new Set([...this.apart, ...joined]);
    return this.remembered(`apart ${joined.join()}`, () => new PartLayout(this.part, this.around, this.refused, apart));
  }

  /** The step at which what is kept on chip needs most, where that is more than there is. */
  crowdedStep(subBatch: number, globalBytes: number): number | undefined {
    let worst = 0;
    this.live.forEach((bytes, i) => {
      if (bytes > (this.live[worst] ?? 0)) worst = i;
    });
    return (this.live[worst] ?? 0) * subBatch > globalBytes ? worst : undefined;
  }

  /** The largest tensor on chip at a step that may give way. */
  largestAt(step: number): string | undefined {
    const { enters, exits } = this.around;
    let largest: Interval | undefined;
    for (const v of this.intervals) {
      if (v.from > step || v.to < step || v.tensor === enters || v.tensor === exits) continue;
      if (largest === undefined || v.bytes > largest.bytes) largest = v;
    }
    return largest?.tensor;
  }

  private find(): GroupAccesses {
    const { network, uses } = this.viewed();
    const accesses = accessesOf(network, uses, this.part.from, this.part.to, 'group', this.refused, this.around);
    this.settle(accesses.intervals);
    return accesses;
  }

  private viewed(): Pick<Part, 'network' | 'uses'> {
    return this.apart.size === 0 ? this.part : (this.part.apart?.(this.apart) ?? this.part);
  }

  private settle(intervals: readonly Interval[]): void {
    this.intervals = intervals;
    this.live = livePerSample(intervals, this.views.length);
  }

  private remembered(key: string, make: () => PartLayout): PartLayout {
    const layout = this.smaller.get(key) ?? make();
    this.smaller.set(key, layout);
    return layout;
  }
}
