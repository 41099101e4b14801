/** Tests a guard on a disk that is slow, read-only or full: nothing runs unrecorded, and it goes on by itself. With real processes and mounts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { eventually } from '../proxy/support.ts';
import { recordsOf } from '../support/decision-log.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { condition, describeWith, testWith } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { SLOW_DISK, SlowDisk } from './slow-disk.ts';

const succeeds = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

/** From then on nothing can be made, changed or opened for writing in it by its path. */
function readOnly(folder: string): boolean {
  return succeeds('mount', '--bind', folder, folder) && succeeds('mount', '-o', 'remount,ro,bind', folder);
}

const [canMount, canMakeImmutable] = (() => {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-may-mount-'));
  const mounted = readOnly(folder);
  succeeds('umount', folder);
  const immutable = succeeds('chattr', '+i', folder);
  succeeds('chattr', '-i', folder);
  rmSync(folder, { recursive: true });
  return [mounted, immutable];
})();

const SLOW_MS = 300;

describeWith(SLOW_DISK).each(['batched', 'strict'] as const)('%s', (durability) => {
  let database: FreshDatabase;
  let disk: SlowDisk;
  let guard: Served;
  let logs: string;

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    await database.query('CREATE TABLE marks (mark text, at timestamptz DEFAULT clock_timestamp())');
    disk = new SlowDisk();
    logs = join(disk.folder, 'logs');
    mkdirSync(logs);
    const log = `{ file: ${join(logs, 'd.jsonl')}, durability: ${durability}, level: error }`;
    guard = await serve(database, `log: ${log}\nstate: memory`, disk.environment);
  });

  beforeEach(async () => {
    await database.query('DELETE FROM marks');
  });

  afterEach(() => {
    disk.slow(0);
    disk.recovers();
    if (canMakeImmutable) succeeds('chattr', '-i', join(logs, 'd.jsonl'));
    if (canMount) succeeds('umount', logs);
  });

  afterAll(async () => {
    await guard?.stop();
    await database?.drop();
    disk?.remove();
  });

  const marks = async (): Promise<string[]> =>
    (await database.query<{ mark: string }>('SELECT mark FROM marks')).map(({ mark }) => mark).sort();
  const mark = (client: pg.Client, name: string) => client.query(`INSERT INTO marks VALUES ('${name}')`);
  const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
    work.then(
      () => undefined,
      (error) => error.code,
    );

  /** No login and no statement passes; the sessions that are there get the error and may stay. */
  async function refuses(client: pg.Client): Promise<void> {
    for (let i = 0; i < 3; i++) expect(await codeOf(mark(client, 'refused'))).toBe('58030');
    expect(await codeOf(client.query('SELECT 1'))).toBe('58030');
    expect(await codeOf(guard.connect('dba'))).toBe('58030');
    expect(await marks()).not.toContain('refused');
  }

  test(`a disk that takes ${SLOW_MS} ms for a sync`, async () => {
    const clients = await Promise.all([1, 2, 3, 4].map(() => guard.connect('dba')));
    const rounds = durability === 'batched' ? 30 : 3;
    disk.slow(SLOW_MS);
    const syncs = disk.syncs;
    const began = performance.now();
    await Promise.all(
      clients.map(async (client, name) => {
        for (let i = 0; i < rounds; i++) await mark(client, `${name}-${i}`);
      }),
    );
    const elapsed = performance.now() - began;
    // One at a time, however many wait: nothing piles up behind them.
    expect(disk.syncs - syncs).toBeLessThanOrEqual(elapsed / SLOW_MS + 1);
    disk.slow(0);
    expect((await marks()).length).toBe(4 * rounds);
    if (durability === 'batched') expect(elapsed).toBeLessThan(rounds * SLOW_MS);
    else expect(elapsed).toBeGreaterThan(rounds * SLOW_MS);
    await Promise.all(clients.map((client) => client.end()));
  });

  testWith(condition(durability === 'strict', '`strict`'))(
    'none runs sooner after its record than the disk takes',
    async () => {
      const client = await guard.connect('dba');
      disk.slow(SLOW_MS);
      for (let i = 0; i < 3; i++) await mark(client, `m${i}`);
      disk.slow(0);
      const ran = await database.query<{ at: Date }>('SELECT at FROM marks ORDER BY at');
      const { findings } = await verifyLog({ log: join(logs, 'd.jsonl'), keys: [], anchors: [] });
      expect(findings).toEqual([]);
      const decided = recordsOf(readFileSync(join(logs, 'd.jsonl'), 'utf8'))
        .filter(({ kind }) => kind === 'decision')
        .slice(-3);
      for (const [i, { at }] of ran.entries())
        expect(at.getTime() - Date.parse(String(decided[i]?.time))).toBeGreaterThanOrEqual(SLOW_MS - 2);
      await client.end();
    },
  );

  testWith(condition(canMount, 'root, and mounting'))(
    'a folder that has become read-only, when the file must be opened again',
    async () => {
      const client = await guard.connect('dba');
      await mark(client, 'before');
      const other = await guard.connect('dba');
      await sleep(300);
      expect(readOnly(logs)).toBe(true);
      // The open file is still there; a disk that fails is why it must be opened again, and why a system makes it read-only.
      disk.fails('fails-once');
      if (durability === 'strict') expect(await codeOf(mark(other, 'refused'))).toBe('58030');
      else await eventually(async () => (await codeOf(other.query('SELECT 1'))) === '58030', 'a sync has failed');
      await refuses(client);
      execFileSync('umount', [logs]);
      await mark(client, 'after');
      await mark(await guard.connect('dba'), 'after');
      expect(await marks()).toEqual(['after', 'after', 'before']);
      await client.end();
    },
  );

  testWith(condition(canMakeImmutable, 'root, and chattr +i'))('a file that takes nothing any more', async () => {
    const [meets, client] = [await guard.connect('dba'), await guard.connect('dba')];
    await mark(client, 'before');
    execFileSync('chattr', ['+i', join(logs, 'd.jsonl')]);
    // `batched`: a session ends if its record waits when the log begins to fail.
    expect(await codeOf(mark(meets, 'refused'))).toBe('58030');
    await meets.end().catch(() => {});
    await refuses(client);
    execFileSync('chattr', ['-i', join(logs, 'd.jsonl')]);
    await mark(client, 'after');
    await mark(await guard.connect('dba'), 'after');
    expect(await marks()).toEqual(['after', 'after', 'before']);
    await client.end();
  });

  testWith(condition(canMount, 'root, and mounting'), condition(durability === 'batched', '`batched`'))(
    'a guard that starts where it cannot write does not start',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'rowgate-read-only-'));
      expect(readOnly(folder)).toBe(true);
      try {
        const other = await serve(database, `log: { file: ${join(folder, 'd.jsonl')} }\nstate: memory`);
        expect(await other.status).toBe(1);
        expect(other.output.stderr).toMatch(/could not open the decision log .*EROFS/);
        await other.stop();
      } finally {
        execFileSync('umount', [folder]);
        rmSync(folder, { recursive: true });
      }
    },
  );

  test('the log of all that is whole', async () => {
    guard.child.kill('SIGTERM');
    expect(await guard.status).toBe(0);
    const { findings } = await verifyLog({ log: join(logs, 'd.jsonl'), keys: [], anchors: [] });
    expect(findings).toEqual([]);
  });
});
