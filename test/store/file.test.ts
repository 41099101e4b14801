/** Tests the state in a folder: what outlives the process and the machine, and what is refused. */
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { checkedLine } from '../../src/budget/store/disk/checked-line.ts';
import { fileStore } from '../../src/budget/store/disk.ts';
import type { BudgetStore } from '../../src/metering/budget-store.ts';
import type { WindowOfMeasure } from '../../src/metering/measure.ts';
import { hashOf, seen } from '../support/people.ts';
import { ROOT, testWith } from '../support/tools.ts';
import { contract, newOwner } from './contract.ts';

const ZONE = 'Europe/Paris';
const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const root = mkdtempSync(join(tmpdir(), 'rowgate-state-'));
const notices: string[] = [];
const opened: BudgetStore[] = [];
let now = Date.now();
let folders = 0;

function newFolder(): string {
  folders += 1;
  return join(root, String(folders));
}

async function openStore(folder: string, journalBytes?: number): Promise<BudgetStore> {
  const store = await fileStore({
    folder,
    timeZone: ZONE,
    now: () => now,
    notice: (message) => notices.push(message),
    ...(journalBytes !== undefined && { journalBytes }),
  });
  opened.push(store);
  return store;
}

/** A copy of the folder as a process leaves it that is killed now: what was written is there, and no process owns it. */
function afterKill(folder: string): string {
  for (;;) {
    const copy = newFolder();
    const before = readdirSync(folder).join();
    try {
      cpSync(folder, copy, { recursive: true, filter: (path) => !/(owner|coming)-/.test(path) });
      // Files come and go meanwhile, so a copy may show no single moment.
      if (readdirSync(folder).join() === before) return copy;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function newest(folder: string, kind: 'journal' | 'snapshot'): string {
  const names = readdirSync(folder).filter((name) => name.startsWith(kind));
  names.sort((a, b) => Number(b.split('-')[1]) - Number(a.split('-')[1]));
  return join(folder, names[0] ?? '');
}

let shared: BudgetStore;
beforeAll(async () => {
  shared = await openStore(newFolder());
});
afterEach(() => {
  notices.length = 0;
});
afterAll(async () => {
  for (const store of opened) await store.close();
  rmSync(root, { recursive: true, force: true });
});

contract('file', () => ({
  store: shared,
  other: shared,
  pass: (ms) => {
    now += ms;
  },
}));

const take = async (store: BudgetStore, owner: string, want: number, limit = 1_000) => {
  const [grant] = await store.take([{ owner, measure: 'rows', ceilings: [{ window: HOUR, limit }], want }]);
  if (!grant) throw new Error('no grant');
  return grant;
};

it('a guard that is killed forgets nothing that it granted, gave back or saw, and no lock', async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const owner = newOwner();
  const { at } = await take(store, owner, 10);
  store.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 3, at }]);
  store.saw(owner, 'subjects.student', [HOUR], seen(['a']));
  await store.change({ kind: 'lock', lock: { owner, since: now, reason: 'by hand', by: 'dba' } });
  const next = await openStore(afterKill(folder));
  expect(await next.used(owner, 'rows', [HOUR])).toEqual([7]);
  expect(await next.known(owner, 'subjects.student', [HOUR], ['a', 'b'].map(hashOf))).toEqual([true, false]);
  expect(await next.hashKey()).toEqual(await store.hashKey());
  expect(next.exceptions().locks.get(owner)?.reason).toBe('by hand');
  next.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: 2, at }]);
  expect(await next.used(owner, 'rows', [HOUR])).toEqual([5]);
});

it('the accounts are the same at every moment at which it may be killed, also while snapshots are written', async () => {
  const folder = newFolder();
  const store = await openStore(folder, 2_000);
  const owners = [newOwner(), newOwner(), newOwner()];
  for (let i = 0; i < 120; i++) {
    const owner = owners[i % 3] ?? '';
    const { at } = await take(store, owner, i);
    if (i % 4 === 0) store.giveBack([{ owner, measure: 'rows', windows: [HOUR], amount: i, at }]);
    store.saw(owner, 'subjects.student', [HOUR], seen([`k${i % 11}`]));
    now += 5_000;
    if (i % 3 === 0) await new Promise((done) => setImmediate(done));
    if (i % 10 !== 9) continue;
    const next = await openStore(afterKill(folder));
    for (const one of owners) {
      for (const measure of ['rows', 'subjects.student'] as const)
        expect(await next.used(one, measure, [HOUR])).toEqual(await store.used(one, measure, [HOUR]));
    }
    await next.close();
  }
  expect(Number(newest(folder, 'snapshot').split('-').at(-1))).toBeGreaterThan(2);
  expect(readdirSync(folder).length).toBeLessThan(6);
});

it('it is the same after an orderly end', async () => {
  const folder = newFolder();
  const owner = newOwner();
  const store = await openStore(folder);
  await take(store, owner, 10);
  await store.close();
  await expect(take(store, owner, 1)).rejects.toThrow('closed');
  const next = await openStore(folder);
  expect(await next.used(owner, 'rows', [HOUR])).toEqual([10]);
});

it('a second guard is refused by name, and takes over when the first has ended', async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  await expect(openStore(folder)).rejects.toThrow(`another guard has ${folder}`);
  await expect(openStore(folder)).rejects.toThrow(`another guard has ${folder}`);
  await store.close();
  await openStore(folder);
});

it('of many guards that open a dead guard’s folder, one gets it', async () => {
  const folder = newFolder();
  const left = await openStore(folder);
  const owner = newOwner();
  await take(left, owner, 10);
  await left.close();
  // The socket of a process that has ended stays, and does not answer.
  expect(readdirSync(folder)).toContain('owner-1');
  const ways = await Promise.allSettled(Array.from({ length: 8 }, () => openStore(folder)));
  expect(ways.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  for (const way of ways) {
    if (way.status === 'fulfilled') expect(await way.value.used(owner, 'rows', [HOUR])).toEqual([10]);
    else expect(String(way.reason)).toContain('another guard has');
  }
});

it('a record that was not written whole is cut off, and said', async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const owner = newOwner();
  await take(store, owner, 10);
  await take(store, owner, 5);
  const copy = afterKill(folder);
  const journal = newest(copy, 'journal');
  writeFileSync(journal, readFileSync(journal).subarray(0, -7));
  const next = await openStore(copy);
  expect(await next.used(owner, 'rows', [HOUR])).toEqual([10]);
  expect(notices.join()).toMatch(/are no whole record and are left out/);
});

it('damage in what was on disk for certain is refused, with what to do', async () => {
  const folder = newFolder();
  const store = await openStore(folder);
  const owner = newOwner();
  await take(store, owner, 10);
  await store.change({ kind: 'release', owner });
  await take(store, owner, 5);
  const copy = afterKill(folder);
  for (const file of [newest(copy, 'journal'), newest(copy, 'snapshot')]) {
    const bytes = readFileSync(file);
    const damaged = Buffer.from(bytes);
    damaged[12] = (damaged[12] ?? 0) ^ 1;
    writeFileSync(file, damaged);
    await expect(openStore(copy)).rejects.toThrow(/is damaged at byte 0: restore the folder .* or move it away/);
    writeFileSync(file, bytes);
  }
  const snapshot = newest(copy, 'snapshot');
  const whole = readFileSync(snapshot);
  writeFileSync(snapshot, whole.subarray(0, whole.lastIndexOf('\n', -2) + 1));
  await expect(openStore(copy)).rejects.toThrow(/is damaged/);
  writeFileSync(snapshot, whole);
  rmSync(newest(copy, 'journal'));
  await expect(openStore(copy)).rejects.toThrow(/journal-1 is damaged at byte 0/);
});

it('the folder of a build with another format is refused, and not called damaged', async () => {
  const folder = newFolder();
  await take(await openStore(folder), newOwner(), 10);
  const copy = afterKill(folder);
  const snapshot = newest(copy, 'snapshot');
  const [, ...others] = readFileSync(snapshot, 'utf8').split('\n');
  writeFileSync(snapshot, checkedLine(['snapshot', 2, '']) + others.join('\n'));
  await expect(openStore(copy)).rejects.toThrow(
    /was written by another build of Rowgate \(format 2; this one reads 1\)/,
  );
});

it('an account of many people is written in pieces, with other work between them, and is the same again', async () => {
  const folder = newFolder();
  const store = await openStore(folder, 1_000);
  const owner = newOwner();
  const keys = Array.from({ length: 60_001 }, (_, i) => String(i));
  store.saw(owner, 'subjects.student', [HOUR], seen(keys));
  const other = newOwner();
  await store.take([{ owner: other, measure: 'rows', ceilings: [{ window: HOUR, limit: 10 }], want: 4 }]);
  await expect.poll(() => readFileSync(newest(folder, 'snapshot'), 'utf8').match(/ \["people",/g)?.length).toBe(13);
  // Some come while it is written.
  store.saw(owner, 'subjects.student', [HOUR], seen(['late']));
  const again = await openStore(afterKill(folder));
  expect(await again.used(owner, 'subjects.student', [HOUR])).toEqual([60_002]);
  expect(
    await again.known(owner, 'subjects.student', [HOUR], [keys[60_000] ?? '', 'late', 'unseen'].map(hashOf)),
  ).toEqual([true, true, false]);
  expect(await again.used(other, 'rows', [HOUR])).toEqual([4]);
});

testWith(ROOT)('a folder of another user, or with files of theirs, is not used', async () => {
  const stranger = 54_321;
  const theirs = newFolder();
  mkdirSync(theirs);
  chownSync(theirs, stranger, stranger);
  await expect(openStore(theirs)).rejects.toThrow(`${theirs} belongs to another user`);
  const open = newFolder();
  mkdirSync(open);
  chmodSync(open, 0o777);
  const put = join(open, 'journal-1');
  writeFileSync(put, '');
  chownSync(put, stranger, stranger);
  await expect(openStore(open)).rejects.toThrow(`${put} belongs to another user`);
  rmSync(put);
  mkdirSync(join(open, 'lost+found'));
  chownSync(join(open, 'lost+found'), stranger, stranger);
  await openStore(open);
  expect(statSync(open).mode & 0o777).toBe(0o700);
});
