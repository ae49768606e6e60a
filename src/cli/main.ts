#!/usr/bin/env node
import { runCommandLine } from './command-line.ts';

// The reader of a pipe may leave early (`wavec disasm x.wvc | head`); that is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await runCommandLine(process.argv.slice(2));
