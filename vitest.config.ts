import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/properties.ts'],
    reporters: [['default', { summary: false }], 'json'],
    outputFile: { json: 'coverage/tests.json' },
    // The machine is all ours: by default a core would be left idle. Two test files at a time slow each other down.
    maxWorkers: '100%',
    // Files share the modules of their process, which is warm after the first ones: apart they take nearly twice as long.
    isolate: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: { include: ['ir/**', 'passes/**', 'backends/**', 'src/**'], reportsDirectory: 'coverage' },
  },
});
