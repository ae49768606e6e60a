import { WavecError } from '../../ir/diagnostics.ts';

/** The error that `body` throws; fails where it throws none, or one that is not for users. */
export function caught(body: () => unknown): WavecError {
  try {
    body();
  } catch (error) {
    if (error instanceof WavecError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Code of the first diagnostic. */
export const codeOf = (body: () => unknown): string | undefined => caught(body).diagnostics[0]?.code;
