import type { Touch } from './hazards.ts';
import { QUEUES } from './queues.ts';
import { Ranges } from './ranges.ts';

/** Work of a task on one queue that must have completed: `queue` is a position in `QUEUES`; tasks of the iteration before count from −1 down. */
export interface Before {
  readonly task: number;
  readonly queue: number;
}

interface Users {
  writer: Before | undefined;
  readers: Before[];
}

const MATRIX = QUEUES.indexOf('matrix');

/**
 * For each task and queue, what of the tasks before it must have completed because the two touch the same, one of them writing, in whatever order
 * tasks that do not meet are issued. What a queue does in order anyway is left out, and what follows from another of them.
 * @param repeats whether tasks are issued again and again; task −k is then the one k places before the first, in the iteration before
 */
export function conflictsOf(tasks: readonly (readonly Touch[])[], repeats: boolean): Before[][][] {
  const users = new Ranges<Users>(
    () => ({ writer: undefined, readers: [] }),
    ({ writer, readers }) => ({ writer, readers: [...readers] }),
  );
  const count = tasks.length;
  let found: Before[][][] = [];
  for (let at = repeats ? -count : 0; at < count; at += count) {
    if (at === 0) for (const { storage, moves } of tasks.flat()) if (storage !== undefined && moves === true) users.clear(storage);
    found = tasks.map((touches, i) => visit(users, touches, at + i));
  }
  return found;
}

function visit(users: Ranges<Users>, touches: readonly Touch[], task: number): Before[][] {
  const before = QUEUES.map(() => new Map<number, Before>());
  for (const { queue, write, storage, from, to } of touches) {
    const q = QUEUES.indexOf(queue);
    const waitFor = (b: Before | undefined, isWritten: boolean): void => {
      // Within the matrix queue the order of halves leaves results that are read again alone.
      const ordered = b?.queue === q && !(q === MATRIX && isWritten && !write);
      if (b !== undefined && b.task !== task && !ordered) before[q]?.set(b.task * QUEUES.length + b.queue, b);
    };
    users.visit(storage, from, to, ({ writer, readers }) => {
      waitFor(writer, true);
      if (write) for (const reader of readers) waitFor(reader, false);
    });
  }
  for (const { queue, write, storage, from, to } of touches) {
    const own: Before = { task, queue: QUEUES.indexOf(queue) };
    users.visit(storage, from, to, (use) => {
      if (write) {
        use.writer = own;
        use.readers.length = 0;
      } else if (!use.readers.some((r) => r.task === task && r.queue === own.queue)) use.readers.push(own);
    });
  }
  return before.map((b) => [...b.values()]);
}
