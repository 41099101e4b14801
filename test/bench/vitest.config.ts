import { defineConfig } from 'vitest/config';

/** `npm run bench`: measures, one file after the other, and writes docs/benchmarks.md. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/bench/**/*.bench.ts'],
    globalSetup: ['test/support/postgres.global.ts'],
    testTimeout: 900_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
