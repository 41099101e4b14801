/**
 * Tests that nothing hidden in the server's catalogs can be told: tables, columns, defaults, checks, comments, enum labels, functions, settings.
 * Generated statements go through a guard to each of two databases that differ in such objects alone; every byte of the answers is the same.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runOverCatalogs } from './catalog-run.ts';
import { type CatalogWorlds, makeCatalogWorlds } from './catalog-worlds.ts';

const LONG = process.env.ROWGATE_LONG === '1';
const RUNS = Number(process.env.ROWGATE_RUNS ?? (LONG ? 50_000 : 600));
const SEED = Number(process.env.ROWGATE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 20261129));
/** Time for one statement, on a machine with much other work. */
const STATEMENT_MS = 200;

let worlds: CatalogWorlds;
beforeAll(async () => {
  worlds = await makeCatalogWorlds();
});
afterAll(() => worlds?.drop());

test(`${RUNS} statements over catalogs from seed ${SEED}`, { timeout: 60_000 + RUNS * STATEMENT_MS }, async () => {
  const { ran, allowed, failures, differences } = await runOverCatalogs(worlds, SEED, RUNS);
  const failed = [...failures].map(([sqlstate, n]) => `${sqlstate} ${n}`).join(', ');
  console.log(
    `${ran} statements over catalogs, seed ${SEED}: ${((100 * allowed) / ran).toFixed(1)} % allowed; failed: ${failed}`,
  );
  expect(differences.slice(0, 10)).toEqual([]);
  expect(ran).toBe(RUNS);
  if (ran < 200) return;
  // A suite that meets nothing but refusals or errors would show nothing.
  expect(allowed / ran).toBeGreaterThanOrEqual(0.6);
  expect([...failures.values()].reduce((sum, n) => sum + n, 0) / ran).toBeLessThan(0.3);
});
