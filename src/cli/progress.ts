import { createSpinner } from 'nanospinner';

/** What is going on, on a terminal's standard error; silent everywhere else. */
export interface Progress {
  show(text: string): void;
  done(): void;
}

const SILENT: Progress = { show: () => undefined, done: () => undefined };

export function progress(): Progress {
  if (!process.stderr.isTTY) return SILENT;
  const spinner = createSpinner('', { stream: process.stderr });
  return {
    // The work is synchronous, so every message draws a frame itself.
    show: (text) => {
      spinner.update({ text }).spin();
    },
    done: () => {
      spinner.clear();
    },
  };
}
