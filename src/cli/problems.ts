import { chalkStderr } from 'chalk';
import { formatDiagnostic, WavecError } from '../../ir/diagnostics.ts';

/** A model with one systematic fault can have thousands of problems; the first ones say what is wrong. */
const SHOWN = 20;

/** Prints an error on standard error and returns the exit code that it stands for. */
export function reportError(error: unknown, debug: boolean): number {
  const lines = error instanceof WavecError ? messagesOf(error) : [unexpected(error, debug)];
  for (const line of lines) process.stderr.write(`${chalkStderr.red('error:')} ${line}\n`);
  if (debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof WavecError ? error.exitCode : 1;
}

function messagesOf({ diagnostics }: WavecError): string[] {
  const messages = diagnostics.slice(0, SHOWN).map(formatDiagnostic);
  const more = diagnostics.length - messages.length;
  return more > 0 ? [...messages, `and ${more} more problems`] : messages;
}

function unexpected(error: unknown, debug: boolean): string {
  const [what = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return debug ? `internal error: ${what}` : `internal error: ${what} (run again with --debug for the place)`;
}
