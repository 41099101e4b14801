/** Tests logouts in a folder: one line each, in snapshots as long as they hold. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const root = mkdtempSync(join(tmpdir(), 'rowgate-logouts-'));
const opened: BudgetStore[] = [];
let now = Date.now();

async function openStore(folder: string, journalBytes?: number): Promise<BudgetStore> {
  const more = journalBytes === undefined ? {} : { journalBytes };
  const store = await fileStore({ folder, timeZone: 'UTC', now: () => now, notice: () => {}, ...more });
  opened.push(store);
  return store;
}

afterAll(async () => {
  for (const store of opened) await store.close();
  rmSync(root, { recursive: true, force: true });
});

/** A copy of the folder, as a process leaves it that is killed now. */
function afterKill(folder: string): string {
  const copy = mkdtempSync(join(root, 'copy-'));
  cpSync(folder, copy, { recursive: true, filter: (path) => !/(owner|coming)-/.test(path) });
  return copy;
}

function texts(folder: string, kind: 'journal' | 'snapshot'): string {
  const names = readdirSync(folder).filter((name) => name.startsWith(kind));
  return names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
}

const tokenOf = (i: number): string => `token ${String(i).padStart(37, '0')}`;
const logOut = (store: BudgetStore, from: number, to: number, end = now + HOUR) =>
  Promise.all(Array.from({ length: to - from }, (_, i) => store.logOut({ token: tokenOf(from + i), end })));

it('the size of a write does not grow with the number of logouts, and all are there after a crash', async () => {
  const folder = join(root, 'many');
  const store = await openStore(folder, 1e9);
  const lines = (): string[] => texts(folder, 'journal').match(/^.*\["logout".*$/gm) ?? [];
  const written = () => lines().reduce((sum, line) => sum + line.length, 0);
  await logOut(store, 0, 100);
  const first = written();
  await logOut(store, 100, 49_900);
  const before = written();
  await logOut(store, 49_900, 50_000);
  expect(written() - before).toBe(first);
  expect(lines()).toHaveLength(50_000);
  expect(texts(folder, 'journal')).not.toContain('["change"');
  const next = await openStore(afterKill(folder));
  expect([0, 25_000, 49_999, 50_000].map((i) => next.logouts.has(tokenOf(i)))).toEqual([true, true, true, false]);
});

it('a snapshot holds them in lines of some, and leaves out what is over', async () => {
  const folder = join(root, 'snapshots');
  let store = await openStore(folder);
  await logOut(store, 0, 1_200);
  await logOut(store, 1_200, 1_300, now + 2 * DAY);
  await store.close();
  store = await openStore(folder);
  expect(texts(folder, 'snapshot').match(/\["logouts",/g)).toHaveLength(3);
  expect(store.logouts.has(tokenOf(1_199))).toBe(true);
  await store.close();
  now += HOUR + DAY - 1;
  store = await openStore(folder);
  expect(store.logouts.has(tokenOf(0))).toBe(true);
  await store.close();
  now += 1;
  store = await openStore(folder);
  expect([0, 1_199, 1_200].map((i) => store.logouts.has(tokenOf(i)))).toEqual([false, false, true]);
  expect(texts(folder, 'snapshot')).not.toContain(tokenOf(0));
});

it('a crash while snapshots are written loses none', async () => {
  const folder = join(root, 'crashes');
  const store = await openStore(folder, 2_000);
  for (let i = 0; i < 200; i++) {
    await store.logOut({ token: tokenOf(i), end: now + HOUR });
    if (i % 20 !== 19) continue;
    let copy: string | undefined;
    // Files come and go meanwhile, so a copy may show no single moment.
    while (copy === undefined) {
      const names = readdirSync(folder).join();
      try {
        copy = afterKill(folder);
        if (readdirSync(folder).join() !== names) copy = undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    const next = await openStore(copy);
    for (let j = 0; j <= i; j++) expect(next.logouts.has(tokenOf(j))).toBe(true);
    await next.close();
  }
});
