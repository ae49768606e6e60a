/**
 * When the DRAM is busy. Loads and stores share it, the oldest in program order first: a transfer uses the time that
 * earlier ones leave free, in as many fragments as it takes (preemption at burst grain). Times are whole cycles.
 */
export class DramCalendar {
  /** Busy intervals [from, to), disjoint, ascending, never touching; the first `head` are past. */
  private from: number[] = [];
  private to: number[] = [];
  private head = 0;

  /** Reserves `cycles` from `start` on and tells each fragment, in order of time; returns the cycle at which the last one ends. */
  reserve(start: number, cycles: number, fragment?: (from: number, to: number) => void): number {
    const { from, to } = this;
    let i = this.head;
    while (i < to.length && (to[i] ?? 0) < start) i++;
    // Interval i is the first that ends at or after the start; what is reserved merges with the intervals it touches.
    let left = cycles;
    let time = start;
    let merged = start;
    const first = i;
    while (left > 0 && i < from.length) {
      const busy = from[i] ?? 0;
      if (busy <= time) {
        if (i === first) merged = Math.min(merged, busy);
        time = Math.max(time, to[i] ?? 0);
      } else if (busy - time > left) break;
      else {
        left -= busy - time;
        fragment?.(time, busy);
        time = to[i] ?? 0;
        if (left === 0) {
          // Exactly filled the gap: the transfer ends where the interval begins.
          this.replace(first, i + 1, merged, time);
          return busy;
        }
      }
      i++;
    }
    const end = time + left;
    if (left > 0) fragment?.(time, end);
    this.replace(first, i, merged, end);
    return end;
  }

  /** Forgets what ends before `time`, at which or after which every later transfer starts. */
  prune(time: number): void {
    while (this.head < this.to.length && (this.to[this.head] ?? 0) < time) this.head++;
    if (this.head > 1024) {
      this.from = this.from.slice(this.head);
      this.to = this.to.slice(this.head);
      this.head = 0;
    }
  }

  private replace(first: number, next: number, from: number, to: number): void {
    if (next - first === 1) {
      this.from[first] = from;
      this.to[first] = to;
      return;
    }
    this.from.splice(first, next - first, from);
    this.to.splice(first, next - first, to);
  }
}
