import { defaultExclude, defineConfig } from 'vitest/config';

const PROFILE = 'test/bench/profile.bench.ts';
const profiling = process.env.ROWGATE_BENCH_PROFILE !== undefined;

/** `npm run bench`: measures, one file after the other, and writes docs/benchmarks.md. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: profiling ? [PROFILE] : ['test/bench/**/*.bench.ts'],
    exclude: profiling ? defaultExclude : [...defaultExclude, PROFILE],
    globalSetup: ['test/bench/server.global.ts'],
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    server: { deps: { external: [/\/dist\//] } },
  },
});
