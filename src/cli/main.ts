#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';

// The reader of a pipe may leave early (`wavec disasm x.wvc | head`); that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2));
