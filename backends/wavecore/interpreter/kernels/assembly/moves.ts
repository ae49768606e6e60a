import { firstOf } from './layout';
import { DSTSTRIDE, int, ROWBYTES, ROWS, SRCSTRIDE } from './vector-slots';

export function fill(part: i32, to: usize, bytes: i32): void {
  const from = firstOf(bytes, part);
  memory.fill(to + from, 0, firstOf(bytes, part + 1) - from);
}

/** Rows of bytes; a part may begin and end within a row. */
export function copy(part: i32, to: usize, from: usize): void {
  const bytes = int(ROWBYTES);
  const total = int(ROWS) * bytes;
  const end = firstOf(total, part + 1);
  for (let at = firstOf(total, part); at < end; ) {
    const row = at / bytes;
    const within = at - row * bytes;
    const count = min(bytes - within, end - at);
    memory.copy(to + row * int(DSTSTRIDE) + within, from + row * int(SRCSTRIDE) + within, count);
    at += count;
  }
}
