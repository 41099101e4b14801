import { defineConfig } from 'vitest/config';

/** `npm run vitest`: all tests, or those whose path holds the words given. */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.global.ts'],
    reporters: ['default', './test/support/skipped.reporter.ts'],
    // Against what hangs: a machine on which all takes thrice as long fails nothing by these.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});
