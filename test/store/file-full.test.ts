/** Tests a full disk: what cannot be written is not granted, and what happened all the same is not forgotten. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { fileStore } from '../../src/budget/store/disk.ts';
import { StoreUnavailable } from '../../src/metering/budget-store.ts';
import type { WindowOfMeasure } from '../../src/metering/measure.ts';
import { hashOf, seen } from '../support/people.ts';

const disk = vi.hoisted(() => ({ isFull: false }));
const full = (): Error => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const writeSync = (file: number, bytes: Uint8Array, offset: number): number => {
    if (!disk.isFull) return real.writeSync(file, bytes, offset);
    // As a disk does it: some of it fits, then nothing more.
    if (offset === 0 && bytes.length > 5) return real.writeSync(file, bytes, 0, 5);
    throw full();
  };
  return { ...real, writeSync };
});
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const open: typeof real.open = async (path, flags, mode) => {
    if (disk.isFull && flags === 'w') throw full();
    return real.open(path, flags, mode);
  };
  return { ...real, open };
});

const HOUR: WindowOfMeasure = { count: 1, unit: 'hour' };
const folder = mkdtempSync(join(tmpdir(), 'rowgate-full-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('nothing is granted while it is full; then all that was taken, given back and seen is there, after a restart too', async () => {
  const notices: string[] = [];
  const notice = (message: string): void => void notices.push(message);
  const open = () => fileStore({ folder, timeZone: 'Europe/Paris', now: Date.now, notice });
  const store = await open();
  const take = (want: number) =>
    Promise.resolve(store.take([{ owner: 'o', measure: 'rows', ceilings: [{ window: HOUR, limit: 10 }], want }]));
  const [grant] = await take(6);
  disk.isFull = true;
  await expect(take(1)).rejects.toThrow(StoreUnavailable);
  expect(await store.used('o', 'rows', [HOUR])).toEqual([6]);
  store.giveBack([{ owner: 'o', measure: 'rows', windows: [HOUR], amount: 2, at: grant?.at ?? 0 }]);
  let kept = false;
  void Promise.resolve(store.saw('o', 'subjects.student', [HOUR], seen(['a']))).then(() => {
    kept = true;
  });
  const change = (kind: 'lock' | 'raise') =>
    kind === 'lock'
      ? store.change({ kind, lock: { owner: 'o', since: 1, reason: 'canary', by: 'rowgate' } })
      : store.change({
          kind,
          raise: {
            id: 'r',
            owner: 'o',
            measure: 'rows',
            window: HOUR,
            amount: 99,
            until: Date.now() + 9e6,
            reason: '',
            by: '',
          },
        });
  await expect(change('raise')).rejects.toThrow(StoreUnavailable);
  await expect(change('lock')).rejects.toThrow(StoreUnavailable);
  const logout = { token: 't', end: Date.now() + 3_600_000 };
  await expect(store.logOut(logout)).rejects.toThrow(StoreUnavailable);
  expect(store.logouts.has('t')).toBe(true);
  // Changes that grant more do not hold, changes that restrict do.
  expect(store.exceptions().raises).toEqual([]);
  expect(store.exceptions().locks.has('o')).toBe(true);
  expect(kept).toBe(false);
  disk.isFull = false;
  await expect.poll(() => kept).toBe(true);
  await expect
    .poll(
      () =>
        take(0)
          .then(() => take(1))
          .then(
            ([one]) => one?.granted,
            () => 'refused',
          ),
      { timeout: 120_000 },
    )
    .toBe(1);
  expect(notices.map((text) => text.replace(folder, 'FOLDER').replace(/:.*/, ''))).toEqual([
    'the state in FOLDER cannot be written',
    'the state in FOLDER can be written again',
  ]);
  await store.close();
  const next = await open();
  expect(await next.used('o', 'rows', [HOUR])).toEqual([5]);
  expect(await next.known('o', 'subjects.student', [HOUR], ['a'].map(hashOf))).toEqual([true]);
  expect(next.exceptions().locks.has('o')).toBe(true);
  expect(next.logouts.has('t')).toBe(true);
  await next.close();
});
