// Preloaded into a measured process: tells its peak memory on the last line of stderr.
process.on('exit', () => process.stderr.write(`\npeak ${process.resourceUsage().maxRSS * 1024}\n`));
