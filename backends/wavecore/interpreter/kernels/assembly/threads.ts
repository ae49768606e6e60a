import { execute } from './execute';
import { control, layOut, parts } from './layout';

// Words that threads meet at. Those that everyone writes lie apart from the one that the caller waits on.

/** Parts of the present commands that nobody has taken yet; 0 or less: none. */
const LEFT: usize = 0;
/** Changes whenever there is something new for a sleeper. */
const EPOCH: usize = 4;
/** Threads that sleep or are about to. */
const SLEEPERS: usize = 8;
const STOPPED: usize = 12;
/** Parts completed. */
const DONE: usize = 64;

/** Looks, about 50 µs of them, before a thread goes to sleep: waking it takes about as long. */
const PATIENCE: i32 = 40000;

/** Takes parts of the present commands and executes them until none is left. */
function help(): void {
  for (;;) {
    const left = atomic.sub<i32>(control + LEFT, 1);
    if (left <= 0) return;
    execute(parts - left);
    if (atomic.add<i32>(control + DONE, 1) == parts - 1) atomic.notify(control + DONE, 1);
  }
}

/**
 * Executes all parts of the commands, on every thread that comes in time: a part belongs to nobody until it is taken, so
 * that a thread that starts late, or never, costs time and nothing else.
 */
export function executeTogether(): void {
  atomic.store<i32>(control + DONE, 0);
  atomic.store<i32>(control + LEFT, parts);
  wake();
  help();
  for (let looks = 0; ; looks++) {
    const done = atomic.load<i32>(control + DONE);
    if (done == parts) return;
    if (looks > PATIENCE) atomic.wait<i32>(control + DONE, done, -1);
  }
}

/** Executes all parts on this thread. */
export function executeAlone(): void {
  for (let part = 0; part < parts; part++) execute(part);
}

function wake(): void {
  atomic.add<i32>(control + EPOCH, 1);
  if (atomic.load<i32>(control + SLEEPERS) > 0) atomic.notify(control + EPOCH, -1);
}

/** Ends all helpers. */
export function stop(): void {
  atomic.store<i32>(control + STOPPED, 1);
  wake();
}

/** What a helper does until it is stopped. The arguments are those of `layOut` in the thread that it helps. */
export function serve(globalBytes: i32, rows: i32, columns: i32, waveRows: i32, threads: i32): void {
  layOut(globalBytes, rows, columns, waveRows, threads);
  for (let looks = 0; ; looks++) {
    const epoch = atomic.load<i32>(control + EPOCH);
    if (atomic.load<i32>(control + STOPPED) != 0) return;
    if (atomic.load<i32>(control + LEFT) > 0) {
      help();
      looks = 0;
    } else if (looks > PATIENCE) {
      atomic.add<i32>(control + SLEEPERS, 1);
      atomic.wait<i32>(control + EPOCH, epoch, -1);
      atomic.sub<i32>(control + SLEEPERS, 1);
      looks = 0;
    }
  }
}
