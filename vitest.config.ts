import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    reporters: [['default', { summary: false }], 'json'],
    outputFile: { json: 'coverage/tests.json' },
    testTimeout: 60_000,
    coverage: { include: ['ir/**', 'passes/**', 'backends/**', 'src/**'], reportsDirectory: 'coverage' },
  },
});
