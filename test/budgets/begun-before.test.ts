/**
 * Tests what was begun before its limit: a write at another time of day or under another policy, and a cursor over people who did not count then; and
 * what is told in another window than it was paid in.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance as imported } from 'node:perf_hooks';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Backend } from '../../src/protocol/message-types.ts';
import type { LiveSession, Sessions } from '../../src/server/sessions.ts';
import { type RawClient, rawLogin } from '../proxy/raw-client.ts';
import { B, D, DONE, E, H, P, Q, S } from '../session/messages.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { PASSWORD } from '../support/password.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { failure, pupilsDatabase, pupilsPolicies } from './world.ts';

/** Windows end when a test says so; then sessions look at theirs when it says so, too. */
const looking = vi.hoisted(() => ({ sessions: undefined as Sessions | undefined }));
vi.mock('../../src/server/window-sweep.ts', () => ({
  startWindowSweep(sessions: Sessions) {
    looking.sessions = sessions;
    return () => {};
  },
}));
function look(): void {
  for (const session of looking.sessions!.live()) session.keepPaid();
}

const OPENS = Date.parse('2026-11-25T09:00:00+01:00');
const TEN = 'changed: 10 per day, subjects: { pupil: 10 per day }';

let database: FreshDatabase;
let folder: string;
let guard: TestGuard;
beforeAll(async () => {
  database = await pupilsDatabase();
});
afterAll(async () => {
  await database?.drop();
});

/** What a test leaves open, a guard waits for at its stop. */
const opened: RawClient[] = [];
async function login(role: string): Promise<RawClient> {
  const client = await rawLogin(guard.port, role, PASSWORD, database.name);
  opened.push(client);
  return client;
}

let number = 0;
/** A guard of one role, which has the returned name. */
async function guarded(limits: string, subjects?: string): Promise<string> {
  number += 1;
  const role = `role${number}`;
  folder = await pupilsPolicies({ [role]: limits });
  if (subjects) await writeFile(join(folder, 'subjects.yaml'), subjects);
  guard = await guardInFrontOf(database, { policies: folder });
  return role;
}
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: OPENS - 10_000 });
  vi.spyOn(imported, 'now').mockImplementation(() => performance.now());
});
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function until({ reader }: RawClient, last: number): Promise<string> {
  for (let types = ''; ; ) {
    const { type, bytes } = await reader.readMessage();
    types += String.fromCharCode(type);
    if (type === Backend.ErrorResponse) types += `<${/C([0-9A-Z]{5})\0/.exec(bytes.toString('latin1'))?.[1]}>`;
    if (type === last) return types;
  }
}

const rows = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => D(`${from + at}\tnew\t1\n`));

const stored = async (): Promise<number> =>
  Number((await database.query('SELECT count(*) AS n FROM pupils WHERE id > 100000'))[0]!.n);

const BEGINS = {
  'by the hour': {
    before: `limits: none\nduring: [{ hours: 09:00-18:00, limits: { ${TEN} } }]`,
    begin: async () => void vi.advanceTimersByTime(60_000),
  },
  'by a new policy': {
    before: 'limits: none',
    begin: async (role: string) => {
      const other = await pupilsPolicies({ [role]: `limits: { ${TEN} }` });
      await rename(join(other, 'roles', `${role}.yaml`), join(folder, 'roles', `${role}.yaml`));
      await rm(other, { recursive: true });
      await guard.reload();
    },
  },
};

test.each(Object.entries(BEGINS))('a COPY that began before its limit: %s', async (_, { before, begin }) => {
  const role = await guarded(before);
  const raw = await login(role);
  raw.socket.write(Buffer.concat([Q('COPY pupils FROM STDIN'), ...rows(100_001, 3)]));
  expect(await until(raw, Backend.CopyInResponse)).toBe('G');
  await begin(role);
  raw.socket.write(Buffer.concat([...rows(100_101, 500), DONE]));
  expect(await until(raw, Backend.ReadyForQuery)).toMatch(/^E<(53400|0A000)>Z$/);
  expect(await stored()).toBe(0);
});

test('an UPDATE that began before the hour of its limit is counted, or undone', async () => {
  const role = await guarded(BEGINS['by the hour'].before);
  const other = await database.connect();
  await other.query('BEGIN; LOCK TABLE visits');
  const client = await guard.connect(role, PASSWORD);
  const updating = failure(client, "UPDATE visits SET note = 'x'");
  await expect
    .poll(
      async () =>
        (await database.query("SELECT FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass")).length,
    )
    .toBe(1);
  vi.advanceTimersByTime(60_000);
  await other.query('COMMIT');
  expect(await updating).toMatchObject({ code: '53400' });
  expect(await database.query("SELECT FROM visits WHERE note = 'x'")).toEqual([]);
});

test('a portal that was opened before people counted shows them at their price', async () => {
  const role = await guarded(`limits: { ${TEN} }`, 'subjects:\n  pupil: { keys: [visits.pupil_id] }\n');
  const client = await guard.connect(role, PASSWORD);
  await client.query('BEGIN');
  await client.query('DECLARE c CURSOR FOR SELECT DISTINCT name FROM pupils');
  const raw = await login(role);
  raw.socket.write(Buffer.concat([Q('BEGIN'), P('SELECT DISTINCT name FROM pupils'), B(), S()]));
  await until(raw, Backend.ReadyForQuery);
  await until(raw, Backend.ReadyForQuery);
  await writeFile(join(folder, 'subjects.yaml'), 'subjects:\n  pupil: { keys: [pupils.id, visits.pupil_id] }\n');
  await guard.reload();
  raw.socket.write(Buffer.concat([E(), S()]));
  const shown = await until(raw, Backend.ReadyForQuery);
  expect(shown).toContain('<53400>');
  expect(shown.split('D').length - 1).toBeLessThanOrEqual(10);
  expect(await failure(client, 'FETCH 500 FROM c')).toMatchObject({ code: '53400' });
});

const GIVEN = (from: number) => `(${Array.from({ length: 10 }, (_, at) => from + at).join()})`;
const NAMED = `SELECT p.name FROM pupils p JOIN visits v ON v.pupil_id = p.id WHERE p.id IN ${GIVEN(1)}`;

/** INVARIANT 234 */
test.each([
  ['rows of given people', NAMED],
  ['that none of them has a row', `${NAMED} AND v.note = 'none'`],
  [
    'an error about them',
    `SELECT 1 / (p.id - 5) FROM pupils p JOIN visits v ON v.pupil_id = p.id WHERE p.id IN ${GIVEN(1)}`,
  ],
  ['an answer without a row', 'SELECT max(note) FROM visits HAVING count(*) > 5000'],
  ['an error', 'SELECT 1 / (count(*) - 1000) FROM visits HAVING count(*) > 5'],
])('what is told when the window of its price is over is paid in the next: %s', async (_, sql) => {
  const role = await guarded('limits: { subjects: { pupil: 11 per hour } }');
  const told = async (spent: boolean): Promise<string> => {
    const client = await guard.connect(role, PASSWORD);
    const other = await database.connect();
    await other.query('BEGIN; LOCK TABLE visits');
    const asked = client.query(sql).then(
      ({ rows }) => `${rows.length} rows`,
      (error) => error.code as string,
    );
    const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass";
    await expect.poll(async () => (await database.query(waits)).length).toBe(1);
    // The guard, in this process, tells its store each tenth of a second who was counted: by the clock of now.
    await new Promise((done) => setTimeout(done, 200));
    vi.advanceTimersByTime(2 * 3_600_000);
    try {
      if (spent)
        await (await guard.connect(role, PASSWORD)).query(
          `SELECT name FROM pupils WHERE id IN ${GIVEN(11)} OR id = 21`,
        );
    } finally {
      await other.query('COMMIT');
    }
    return asked;
  };
  expect(await told(true)).toBe('53400');
  vi.advanceTimersByTime(2 * 3_600_000);
  expect(await told(false)).not.toBe('53400');
  // What it told is counted now.
  expect(
    await failure(await guard.connect(role, PASSWORD), `SELECT name FROM pupils WHERE id IN ${GIVEN(31)} OR id = 41`),
  ).toMatchObject({
    code: '53400',
  });
});

/** INVARIANT 234 */
test.each([
  ['a portal that is left', 'SELECT p.id FROM pupils p, visits v WHERE v.id = p.id % 7 + 5005 ORDER BY p.id'],
  ['one that can fail', 'SELECT p.id FROM pupils p, visits v WHERE v.id = 5 + 5000 / p.id ORDER BY p.id'],
])('which of known people comes when the window of its price is over is paid in the next: %s', async (_, sql) => {
  const role = await guarded('limits: { subjects: { pupil: 11 per hour } }');
  const raw = await login(role);
  const other = await database.connect();
  await other.query('BEGIN; LOCK TABLE visits');
  raw.socket.write(Buffer.concat([P(sql), B(), E('', 1), S()]));
  const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass";
  await expect.poll(async () => (await database.query(waits)).length).toBe(1);
  vi.advanceTimersByTime(2 * 3_600_000);
  const spent = await guard.connect(role, PASSWORD);
  expect((await spent.query('SELECT id FROM pupils WHERE id < 12')).rows).toHaveLength(11);
  await other.query('COMMIT');
  // INVARIANT 78: that the session went on would tell that a row came.
  expect(await until(raw, Backend.ErrorResponse)).toBe('12E<53400>');
});

/** INVARIANT 265 */
test('COMMIT is paid in the next window also where a savepoint has taken an error back', async () => {
  const role = await guarded('limits: { subjects: { pupil: 11 per hour } }');
  const client = await guard.connect(role, PASSWORD);
  await client.query('BEGIN');
  await client.query('DECLARE c CURSOR WITH HOLD FOR SELECT 1 / (count(*) - 1000) FROM visits');
  await client.query('SAVEPOINT s');
  expect(await failure(client, 'SELECT 1 / 0')).toMatchObject({ code: '22012' });
  await client.query('ROLLBACK TO s');
  vi.advanceTimersByTime(2 * 3_600_000);
  const spent = await guard.connect(role, PASSWORD);
  expect((await spent.query(`SELECT name FROM pupils WHERE id IN ${GIVEN(11)} OR id = 21`)).rows).toHaveLength(11);
  expect(await failure(client, 'COMMIT')).toMatchObject({ code: '53400' });
});

/** INVARIANT 267 */
describe('whether a change stays is paid in each window until it does', () => {
  const INSERT = "INSERT INTO visits VALUES (1, 1, 'late')";
  const SPENDING = `SELECT name FROM pupils WHERE id IN ${GIVEN(1)} OR id = 21`;
  const left = async (): Promise<number> => (await database.query("SELECT FROM visits WHERE note = 'late'")).length;
  const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass";
  const END = Uint8Array.from([0x58, 0, 0, 0, 4]);
  beforeAll(() => database.query('ALTER TABLE visits ADD UNIQUE (note) DEFERRABLE INITIALLY DEFERRED'));

  async function begun(): Promise<{ raw: RawClient; other: pg.Client; role: string }> {
    const role = await guarded('limits: { subjects: { pupil: 11 per hour } }');
    return { raw: await login(role), other: await database.connect(), role };
  }

  test.each([
    ['a transaction that is open', [Q(`BEGIN; ${INSERT}`)], [Q('COMMIT')]],
    ['a Sync that is held back', [P(INSERT), B(), E(), H()], [S()]],
    ['behind a lock, as a Query', [Q(INSERT)], undefined],
    ['behind a lock, as extended messages', [P(INSERT), B(), E(), S()], undefined],
    ['behind a lock, with a client that has left', [P(INSERT), B(), E(), S(), END], undefined],
    ['behind a lock, in one message', [Q(`BEGIN; ${INSERT}; COMMIT`)], undefined],
  ])('%s', async (_, before, after) => {
    const { raw, other, role } = await begun();
    if (!after) await other.query('BEGIN; LOCK TABLE visits');
    raw.socket.write(Buffer.concat(before));
    if (after) await until(raw, before.length > 1 ? Backend.CommandComplete : Backend.ReadyForQuery);
    else await expect.poll(async () => (await database.query(waits)).length).toBe(1);
    vi.advanceTimersByTime(2 * 3_600_000);
    expect((await (await guard.connect(role, PASSWORD)).query(SPENDING)).rows).toHaveLength(11);
    look();
    if (after) raw.socket.write(Buffer.concat(after));
    else await expect.poll(async () => (await database.query(waits)).length).toBe(0);
    if (!after) await other.query('COMMIT');
    expect(await until(raw, Backend.ErrorResponse)).toMatch(/<53400>$/);
    expect(await left()).toBe(0);
  });

  test('each session looks once a second, at least', async () => {
    const { startWindowSweep } = await vi.importActual<typeof import('../../src/server/window-sweep.ts')>(
      '../../src/server/window-sweep.ts',
    );
    let looks = 0;
    const session = { keepPaid: () => void looks++ } as unknown as LiveSession;
    const stop = startWindowSweep({ live: () => [session] } as unknown as Sessions);
    await expect.poll(() => looks, { timeout: 30_000 }).toBeGreaterThan(1);
    stop();
  });

  test('where something is left it is paid, and stays', async () => {
    const { raw, role } = await begun();
    raw.socket.write(Buffer.concat([Q('BEGIN'), Q(INSERT)]));
    await until(raw, Backend.CommandComplete);
    await until(raw, Backend.CommandComplete);
    vi.advanceTimersByTime(2 * 3_600_000);
    look();
    expect(await failure(await guard.connect(role, PASSWORD), SPENDING)).toMatchObject({ code: '53400' });
    raw.socket.write(Q('COMMIT'));
    expect(await until(raw, Backend.CommandComplete)).toBe('ZC');
    expect(await left()).toBe(1);
    await database.query("DELETE FROM visits WHERE note = 'late'");
  });

  test('what leaves nothing is not', async () => {
    const { raw, other, role } = await begun();
    await other.query('BEGIN; LOCK TABLE visits');
    raw.socket.write(Q('SELECT max(note) FROM visits'));
    await expect.poll(async () => (await database.query(waits)).length).toBe(1);
    vi.advanceTimersByTime(2 * 3_600_000);
    look();
    expect((await (await guard.connect(role, PASSWORD)).query(SPENDING)).rows).toHaveLength(11);
    await other.query('COMMIT');
    expect(await until(raw, Backend.ErrorResponse)).toMatch(/<53400>$/);
  });
});

/** Asks while the table is held, so that a policy can change before the server answers. */
async function askedBehindLock(client: Parameters<typeof failure>[0], sql: string) {
  const other = await database.connect();
  await other.query('BEGIN; LOCK TABLE visits');
  const asked = failure(client, sql);
  const waits = "SELECT FROM pg_locks WHERE NOT granted AND relation = 'visits'::regclass";
  await expect.poll(async () => (await database.query(waits)).length).toBe(1);
  return { asked, answer: () => other.query('COMMIT') };
}

/** INVARIANT 255 */
test.each([
  ['an answer without a row', 'SELECT max(note) FROM visits HAVING count(*) > 5000'],
  ['a value', 'SELECT max(note) FROM visits'],
  ['an error', 'SELECT 1 / (count(*) - 1000) FROM visits HAVING count(*) > 5'],
])('what is told when a new policy names another window is paid in that: %s', async (_, sql) => {
  const role = await guarded('limits: { subjects: { pupil: 11 per hour } }');
  const client = await guard.connect(role, PASSWORD);
  const { asked, answer } = await askedBehindLock(client, sql);
  const file = join(folder, 'roles', `${role}.yaml`);
  await writeFile(file, (await readFile(file, 'utf8')).replace('11 per hour', '11 per 2 hours'));
  await guard.reload();
  const spent = await guard.connect(role, PASSWORD);
  expect((await spent.query(`SELECT name FROM pupils WHERE id IN ${GIVEN(11)} OR id = 21`)).rows).toHaveLength(11);
  await answer();
  expect(await asked).toMatchObject({ code: '53400' });
});

const ONE_KEY = 'subjects:\n  pupil: { keys: [visits.pupil_id] }\n';
/** INVARIANT 254 */
describe.each([
  ['another name', 'kid', undefined],
  ['another key', 'pupil', ONE_KEY],
])('what is told when its people have got %s is not told', (_, name, before) => {
  test.each([
    ['rows', 'SELECT p.name FROM pupils p JOIN visits v ON v.pupil_id = p.id'],
    ['many values', "SELECT p.name || v.note FROM pupils p, visits v WHERE v.id < 5010 AND p.name <> ''"],
    ['no row', "SELECT p.name FROM pupils p JOIN visits v ON v.pupil_id = p.id WHERE v.note || p.name = 'none'"],
    ['an error', 'SELECT 1 / (p.id - 5) FROM pupils p JOIN visits v ON v.pupil_id = p.id'],
  ])('%s', async (_, sql) => {
    const role = await guarded(`limits: { ${TEN} }`, before);
    const client = await guard.connect(role, PASSWORD);
    const { asked, answer } = await askedBehindLock(client, sql);
    await writeFile(join(folder, 'subjects.yaml'), `subjects:\n  ${name}: { keys: [pupils.id, visits.pupil_id] }\n`);
    const file = join(folder, 'roles', `${role}.yaml`);
    await writeFile(file, (await readFile(file, 'utf8')).replace(/(scope|subjects): { pupil:/g, `$1: { ${name}:`));
    await guard.reload();
    await answer();
    expect(await asked).toMatchObject({ code: '0A000', hint: 'Run it again.' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });
});

test('a cursor WITH HOLD goes on after a reload, but not after one that narrows its scope', async () => {
  const role = await guarded('limits: { rows: 1000 per day }');
  const client = await guard.connect(role, PASSWORD);
  await client.query('DECLARE c CURSOR WITH HOLD FOR SELECT name FROM pupils');
  const file = join(folder, 'roles', `${role}.yaml`);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('1000 per day', '900 per day'));
  await guard.reload();
  expect((await client.query('FETCH 2 FROM c')).rows).toHaveLength(2);
  await writeFile(file, text.replace('pupil: all', 'pupil: id > 900'));
  await guard.reload();
  expect(await failure(client, 'FETCH 2 FROM c')).toMatchObject({ code: '0A000', hint: 'Open it again.' });
});

const ROOMS = "SELECT id, 'x'::text FROM rooms";
test.each([
  ['a cursor', Q('DECLARE c CURSOR FOR SELECT id, name FROM pupils'), Q('CLOSE c'), Q(`DECLARE c CURSOR FOR ${ROOMS}`)],
  ['a portal', P('SELECT id, name FROM pupils'), Q('CLOSE c'), P(ROOMS)],
  ['a statement', Q('PREPARE c AS SELECT id, name FROM pupils'), Q('DEALLOCATE c'), Q(`PREPARE c AS ${ROOMS}`)],
])(
  'rows that a portal keeps of %s are counted as those, whatever has taken its name',
  async (what, made, gone, other) => {
    const role = await guarded(`limits: { ${TEN} }`);
    const raw = await login(role);
    const say = async (...messages: Uint8Array[]): Promise<string> => {
      raw.socket.write(Buffer.concat(messages));
      return until(raw, Backend.ReadyForQuery);
    };
    const make = (one: Uint8Array) => (what === 'a portal' ? say(one, B([], 'c'), S()) : say(one));
    await say(Q('BEGIN'));
    await make(made);
    const run = what === 'a statement' ? 'EXECUTE c' : 'FETCH 500 FROM c';
    expect(await say(P(run), B([], 'p'), E('p', 1), S())).toBe('12DsZ');
    expect(await say(E('p', 1), S())).toBe('DsZ');
    await say(gone);
    await make(other);
    expect(await say(E('p', 400), S())).toBe('E<55000>Z');
  },
);
