/** Tests guards of one fleet whose hosts' clocks are an hour apart: what holds for a time begins and ends at all of them by the state's clock. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { BREAK_GLASS_NAMESPACE } from '../../src/metering/break-glass.ts';
import { PERMIT_NAMESPACE } from '../../src/metering/permit.ts';
import { askGuard } from '../../src/operations/control/client.ts';
import { eventually, verifierOf } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { describeWith, tool } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { VENDOR } from './served.ts';

const valkey = tool('valkey-server');
const HOUR_MS = 3_600_000;
const HALF_AN_HOUR_MS = HOUR_MS / 2;
/** Between a question and a look at what it was answered with. */
const SLACK_MS = 300_000;
const behalf = process.getuid?.() === 0 ? 'ines' : undefined;
const signers = ['jean', 'zoe'].map(newSigner);

/** For NODE_OPTIONS: a process, with its workers, whose clock is `ms` ahead. */
function aheadBy(ms: number): string {
  const code = `const Host = Date;
globalThis.Date = class extends Host {
  constructor(...given) { if (given.length === 0) super(Host.now() + ${ms}); else super(...given); }
  static now() { return Host.now() + ${ms}; }
};`;
  return `--import data:text/javascript,${encodeURIComponent(code)}`;
}

async function policies(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-clocks-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'roles/vendor.yaml'), VENDOR);
  await writeFile(join(folder, 'subjects.yaml'), 'subjects: { student: { keys: [students.id] } }\n');
  const keys = signers.map(({ name, line }) => `  ${name}: { key: "${line}" }\n`);
  await writeFile(join(folder, 'approvers.yaml'), `approvers:\n${keys.join('')}`);
  const [vendor, night] = await Promise.all(['demo-vendor', 'demo-night'].map((text) => verifierOf(text)));
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals:
  vendor: { role: vendor, password: "${vendor}" }
  night: { role: vendor, password: "${night}", break_glass: { approvals: 2, for: 4 hours } }
`,
  );
  return folder;
}

async function ask<T = Record<string, unknown>>(guard: Served, command: string, given: object = {}): Promise<T> {
  const socket = join(guard.folder, 'rowgate.sock');
  const reply = await askGuard(socket, { command, arguments: { ...given }, ...(behalf !== undefined && { behalf }) });
  if (!reply.ok) throw new Error(`${command}: ${reply.error.message}`);
  return reply.result as T;
}

const cameIn = (guard: Served, principal: string): Promise<string> =>
  guard.connect(principal).then(
    async (client) => {
      await client.end();
      return 'in';
    },
    ({ code }: { code: string }) => code,
  );

/** In this machine's time, which is the state's. */
const isInHalfAnHour = (time: string | undefined): boolean =>
  Math.abs(Date.parse(time ?? '') - Date.now() - HALF_AN_HOUR_MS) < SLACK_MS;

describeWith(valkey)('two guards, one an hour ahead and with two workers', () => {
  let database: FreshDatabase;
  let redis: TestRedis;
  let folder: string;
  let right: Served;
  let ahead: Served;
  const both = <T>(of: (guard: Served) => Promise<T>): Promise<T[]> => Promise.all([right, ahead].map(of));

  beforeAll(async () => {
    database = await freshDatabase();
    await seedSmall(database.url);
    redis = await startRedis(valkey.path ?? '');
    folder = await policies();
    const configuration = `time_zone: UTC\nstate: "${redis.url}"`;
    right = await serve(database, configuration, {}, folder);
    ahead = await serve(database, `${configuration}\nworkers: 2`, { NODE_OPTIONS: aheadBy(HOUR_MS) }, folder);
  });

  afterEach(async () => {
    await ask(right, 'locks.release', { principal: 'vendor', reason: 'the next test' }).catch(() => {});
  });

  afterAll(async () => {
    await right?.stop();
    await ahead?.stop();
    await redis?.remove();
    await database?.drop();
    if (folder) await rm(folder, { recursive: true });
  });

  it.each(['right', 'ahead'])(
    'a lock of half an hour by the one that is %s holds at both, and ends at one time',
    async (by) => {
      const given = { principal: 'vendor', reason: 'x', forMs: HALF_AN_HOUR_MS };
      await ask(by === 'right' ? right : ahead, 'locks.add', given);
      const locks = await both(async (guard) => {
        await eventually(async () => (await cameIn(guard, 'vendor')) === '28000', 'it is locked out');
        return (await ask<{ locks: { until?: string }[] }>(guard, 'locks.list')).locks;
      });
      expect(locks[0]).toHaveLength(1);
      expect(locks[0]).toEqual(locks[1]);
      expect(isInHalfAnHour(locks[0]?.[0]?.until)).toBe(true);
    },
  );

  it.each(['right', 'ahead'])('a raise by the one that is %s is over at both when it is over', async (by) => {
    const rows = async (guard: Served) => {
      const { limits } = await ask<{ limits: { name: string; of: number }[] }>(guard, 'limits.show', {
        principal: 'vendor',
      });
      return limits.find(({ name }) => name.startsWith('rows'))?.of;
    };
    const one = by === 'right' ? right : ahead;
    // Not too short to be seen at both on a busy machine.
    await ask(one, 'limits.raise', { principal: 'vendor', limit: '2600 rows per hour', forMs: 5_000, reason: 'x' });
    await both((guard) => eventually(async () => (await rows(guard)) === 2_600, 'it holds'));
    await both((guard) => eventually(async () => (await rows(guard)) === 2_000, 'it is over'));
  });

  it('an opening that was signed at one is open at both until its time, and neither closes it before', async () => {
    const given = { principal: 'night', forMs: HALF_AN_HOUR_MS, reason: 'ticket 4711' };
    const { opening } = await ask<{ opening: { id: string; text: string } }>(right, 'break-glass.ask', given);
    for (const { sign } of signers) {
      const signature = sign(opening.text, BREAK_GLASS_NAMESPACE);
      await ask(right, 'break-glass.approve', { id: opening.id, signature });
    }
    await both((guard) => eventually(async () => (await cameIn(guard, 'night')) === 'in', 'it is open'));
    // Both have swept again and again meanwhile: each sweep ends sessions and openings that are over.
    const [session] = await Promise.all([ahead.connect('night'), new Promise((done) => setTimeout(done, 1_000))]);
    expect((await session.query('SELECT 42 AS n')).rows).toEqual([{ n: 42 }]);
    const states = await both((guard) =>
      ask<{ openings: { state: string; until: string }[] }>(guard, 'break-glass.list'),
    );
    expect(states.map(({ openings }) => openings.map(({ state, until }) => [state, isInHalfAnHour(until)]))).toEqual([
      [['open', true]],
      [['open', true]],
    ]);
    await session.end();
  });

  it('a permit that was asked for at the one that is ahead is in force at both, and names where it holds', async () => {
    const given = { principal: 'vendor', tables: ['students'], rows: 10, forMs: HALF_AN_HOUR_MS, reason: 'the count' };
    const { permit } = await ask<{ permit: { id: string; text: string; until: string } }>(
      ahead,
      'permit.request',
      given,
    );
    expect(permit.text).toMatch(/^rowgate export permit, version 1\nid: .+\nguard: "test"\nstate: "[\w-]{22}"\n/);
    expect(isInHalfAnHour(permit.until)).toBe(true);
    for (const { sign } of signers) {
      await ask(ahead, 'permit.approve', { id: permit.id, signature: sign(permit.text, PERMIT_NAMESPACE) });
    }
    await both((guard) =>
      eventually(async () => {
        const { permits } = await ask<{ permits: { state: string }[] }>(guard, 'permit.list');
        return permits.length === 1 && permits[0]?.state === 'in force';
      }, 'it is in force'),
    );
  });

  it('says so to its operators: the guard with the wrong clock, once, and not the other', () => {
    const said = ({ output }: Served) => output.stderr.match(/the clock of this host is \d+ seconds ahead of/g);
    expect(said(ahead)).toEqual(['the clock of this host is 3600 seconds ahead of']);
    expect(said(right)).toBeNull();
  });
});
