/** Tests a folder that is removed under a running guard: nothing is granted that a later start would not find, and no other guard's state is set aside. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';
import type { WindowOfMeasure } from '../../src/metering/measure.ts';

const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const TIME = { timeout: 120_000 };
const root = mkdtempSync(join(tmpdir(), 'rowgate-removed-'));
const opened: BudgetStore[] = [];
let notices: string[];
let folder: string;
let store: BudgetStore;
let folders = 0;

const open = async (path: string, journalBytes?: number): Promise<BudgetStore> => {
  const notice = (message: string): void => void notices.push(message);
  const made = await fileStore({
    folder: path,
    timeZone: 'Europe/Paris',
    now: Date.now,
    notice,
    ...(journalBytes && { journalBytes }),
  });
  opened.push(made);
  return made;
};
/** The sum of what was granted. */
let taken = 0;
const take = async (of: BudgetStore, want: number): Promise<number | string> => {
  try {
    const [grant] = await of.take([{ owner: 'o', measure: 'rows', ceilings: [{ window: HOUR, limit: 100 }], want }]);
    if (of === store) taken += grant?.granted ?? 0;
    return grant?.granted ?? 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};
const isRefused = (): Promise<void> => expect.poll(() => take(store, 1), TIME).toMatch(/cannot be written/);
const isGranted = (): Promise<void> => expect.poll(() => take(store, 1), TIME).toBe(1);
const lock = { owner: 'o', since: 1, reason: 'canary', by: 'rowgate' };

beforeEach(async () => {
  notices = [];
  folders += 1;
  taken = 0;
  folder = join(root, String(folders));
  store = await open(folder);
  expect(await take(store, 4)).toBe(4);
  await store.change({ kind: 'lock', lock });
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('removed: it is made again, with all charges and locks, and belongs to this guard alone', async () => {
  rmSync(folder, { recursive: true });
  await expect.poll(() => existsSync(join(folder, 'snapshot-2')), TIME).toBe(true);
  await isGranted();
  expect(notices.join('\n')).toMatch(/cannot be written: .*journal-1 is gone\n.*can be written again$/);
  await expect(open(folder)).rejects.toThrow(/another guard has/);
  await store.close();
  const next = await open(folder);
  expect(await next.used('o', 'rows', [HOUR])).toEqual([taken]);
  expect(next.exceptions().locks.get('o')).toEqual(lock);
});

it('another guard has a folder of that name now: nothing is granted, and its state stays as it is', async () => {
  rmSync(folder, { recursive: true });
  const other = await open(folder);
  await isRefused();
  expect(await take(other, 1)).toBe(1);
  await new Promise((done) => setTimeout(done, 1_500));
  expect(await take(store, 1)).toMatch(/cannot be written/);
  await other.close();
  // It cannot be told which of the two counts.
  const files = () => readdirSync(folder).filter((name) => /^(snapshot|journal)-/.test(name));
  const before = files();
  await new Promise((done) => setTimeout(done, 1_500));
  expect(files()).toEqual(before);
  expect(await take(store, 1)).toMatch(/cannot be written/);
});

it('moved away and back: nothing is granted meanwhile, and then all is there', async () => {
  renameSync(folder, `${folder}-away`);
  mkdirSync(join(folder, 'snapshot-9'), { recursive: true });
  chmodSync(folder, 0o500);
  await isRefused();
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
  renameSync(`${folder}-away`, folder);
  await isGranted();
  await store.close();
  const next = await open(folder);
  expect(await next.used('o', 'rows', [HOUR])).toEqual([taken]);
  expect(next.exceptions().locks.get('o')).toEqual(lock);
});

it('the owner’s socket removed: the next snapshot creates it again', async () => {
  const path = join(root, 'socket');
  store = await open(path, 500);
  rmSync(join(path, 'owner-1'));
  for (let i = 0; i < 10; i += 1) await take(store, 1);
  await expect.poll(() => existsSync(join(path, 'owner-1')), TIME).toBe(true);
  await expect(open(path)).rejects.toThrow(/another guard has/);
  expect(await take(store, 0)).toBe(0);
  expect(notices).toEqual([]);
});
