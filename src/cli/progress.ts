/** What is going on, on a terminal's standard error; silent everywhere else. */
export interface Progress {
  show(text: string): void;
  done(): void;
}

/** Back to the start of the line, and clear it. */
const CLEAR = '\r\u001b[2K';

/**
 * One line that is written over. The work is synchronous, so a line that turns by itself would stand still; a text that is
 * wider than the terminal is cut, because only one line can be cleared.
 */
export function progress(): Progress {
  const { stderr } = process;
  const { columns } = stderr;
  if (!stderr.isTTY || !columns) return { show: () => undefined, done: () => undefined };
  return {
    show: (text) => stderr.write(CLEAR + text.slice(0, columns - 1)),
    done: () => stderr.write(CLEAR),
  };
}
