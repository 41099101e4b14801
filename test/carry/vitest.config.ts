import { defineConfig } from 'vitest/config';

/** `npm run carry`: what of PostgreSQL's regression scripts gives the same through Rowgate. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/carry/carry.bench.ts'],
    disableConsoleIntercept: true,
  },
});
