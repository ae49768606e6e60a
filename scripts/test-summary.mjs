// Prints the closing line of a test run from the runner's report.
import { readFileSync } from 'node:fs';

const { numPassedTests, numFailedTests, success } = JSON.parse(readFileSync('coverage/tests.json', 'utf8'));
console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
process.exitCode = success ? 0 : 1;
