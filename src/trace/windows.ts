const FIRST_WIDTH = 64;

/**
 * A quantity over time in a fixed number of windows of equal width, from `origin` on. When time outgrows them, pairs of
 * windows become one, so that the width depends on the length of the run alone.
 */
export class Windows {
  /** Cycles of a window. */
  width = FIRST_WIDTH;
  private readonly values: Float64Array;
  private readonly origin: number;
  private readonly combine: (a: number, b: number) => number;

  /** @param count an even number of windows */
  constructor(count: number, origin: number, combine: (a: number, b: number) => number) {
    this.values = new Float64Array(count);
    this.origin = origin;
    this.combine = combine;
  }

  /** Combines every window that [from, to) meets with what `value` gives for the cycles that they share. */
  add(from: number, to: number, value: (cycles: number) => number): void {
    this.reach(to);
    let at = Math.max(from, this.origin);
    while (at < to) {
      const i = Math.floor((at - this.origin) / this.width);
      const end = Math.min(to, this.origin + (i + 1) * this.width);
      this.values[i] = this.combine(this.values[i] ?? 0, value(end - at));
      at = end;
    }
  }

  /** Makes the windows cover all time before `time`. */
  reach(time: number): void {
    const { values } = this;
    while (time - this.origin > this.width * values.length) {
      for (let i = 0; i < values.length; i++) values[i] = this.combine(values[2 * i] ?? 0, values[2 * i + 1] ?? 0);
      this.width *= 2;
    }
  }

  /** Windows before `time`, with their first cycle and how many of their cycles lie before `time`. */
  *before(time: number): Generator<{ readonly start: number; readonly cycles: number; readonly value: number }> {
    for (const [i, value] of this.values.entries()) {
      const start = this.origin + i * this.width;
      if (start >= time) return;
      yield { start, cycles: Math.min(this.width, time - start), value };
    }
  }
}
