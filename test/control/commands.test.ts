/** Tests what an operator does to a running guard: lock and release, show and raise limits, reload, drain; each is recorded with a name. */
import { userInfo } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { type AlarmReceiver, receiveAlarms } from '../support/alarm-receiver.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { type Operated, operate, VENDOR } from './served.ts';

const me = userInfo().username;
let database: FreshDatabase;
let receiver: AlarmReceiver;
let guard: Operated;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  receiver = await receiveAlarms();
  guard = await operate(database, `notify: { url: "${receiver.url}", secret: 0123456789abcdef }`);
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  receiver?.stop();
});

it('locks a principal out: sessions end, logins are refused, an alarm is raised; and lets it in again', async () => {
  const client = await guard.connect('vendor');
  const ended = new Promise<string>((done) =>
    client.on('error', (error: Error & { code?: string }) => done(error.code ?? '')),
  );
  const locked = await guard.rowgate([
    'locks',
    'add',
    'vendor',
    '--reason',
    'its password was in a mail',
    '--for',
    '2h',
  ]);
  expect(locked).toMatchObject({ code: 0, stdout: expect.stringContaining('"vendor" is locked out until 2') });
  expect(await ended).toMatch(/^(57P05|28000)$/);
  await expect(guard.connect('vendor')).rejects.toMatchObject({ code: '28000' });
  const { locks } = await guard.done<{ locks: Record<string, string>[] }>('locks.list');
  expect(locks).toMatchObject([{ principal: 'vendor', by: me, reason: 'its password was in a mail' }]);
  const [lock = {}] = locks;
  expect(Date.parse(lock.until ?? '') - Date.parse(lock.since ?? '')).toBe(7_200_000);
  expect(await guard.done('limits.show', { principal: 'vendor' })).toMatchObject({ locked: { until: lock.until } });
  await eventually(() => receiver.alarms.some(({ kind }) => kind === 'lock'), 'the alarm came');
  expect(receiver.alarms[0]).toMatchObject({ kind: 'lock', guard: 'test', principal: 'vendor', by: me });

  const shorter = await guard.ask('locks.add', { principal: 'vendor', reason: 'x', forMs: 1000 });
  expect(shorter).toMatchObject({ ok: false, error: { message: expect.stringContaining('is locked out until') } });

  const released = await guard.rowgate(['locks', 'release', 'vendor', '--reason', 'it has a new one']);
  expect(released).toMatchObject({ code: 0, stdout: expect.stringContaining('it was locked for: its password') });
  await (await guard.connect('vendor')).query('SELECT 1');
  const again = await guard.ask('locks.release', { principal: 'vendor', reason: 'once more' });
  expect(again).toMatchObject({ ok: false, error: { kind: 'refused', message: '"vendor" is not locked out' } });
  expect(await guard.recorded('lock')).toMatchObject([
    { principal: 'vendor', by: me, reason: 'its password was in a mail', until: lock.until },
  ]);
  expect(await guard.recorded('release')).toMatchObject([{ principal: 'vendor', by: me, reason: 'it has a new one' }]);
});

it('shows what is used of each limit, and raises one for a time', async () => {
  const client = await guard.connect('vendor');
  const { rowCount } = await client.query('SELECT id FROM students LIMIT 5');
  await client.end();
  interface Shown {
    limits: { name: string; used: number; of: number; effect: string; rule: string; stated?: number; until?: string }[];
  }
  const rows = ({ limits }: Shown) => limits.find(({ name }) => name.startsWith('rows ') && name.endsWith('per hour'));
  const before = await guard.done<Shown>('limits.show', { principal: 'vendor' });
  expect(before.limits.map(({ name }) => name)).toEqual([
    'rows 2000 per hour',
    'rows 9000 per day',
    'bytes 20 MB per hour',
    'subjects.student 300 per day',
  ]);
  expect(rows(before)).toMatchObject({
    of: 2000,
    effect: 'deny',
    rule: expect.stringMatching(/^roles\/vendor.yaml:\d+$/),
  });
  expect(rows(before)?.used).toBeGreaterThanOrEqual(rowCount ?? 0);

  const raise = ['limits', 'raise', 'vendor', '5000 rows per hour', '--for', '2h', '--reason', 'report cards'];
  expect(await guard.rowgate(raise)).toMatchObject({ code: 0, stdout: expect.stringContaining('now 5000') });
  const after = rows(await guard.done<Shown>('limits.show', { principal: 'vendor' }));
  expect(after).toMatchObject({ of: 5000, stated: 2000 });
  expect(Date.parse(after?.until ?? '')).toBeGreaterThan(Date.now() + 7_000_000);
  expect(await guard.recorded('raise')).toMatchObject([
    { principal: 'vendor', by: me, reason: 'report cards', limit: { name: 'rows 2000 per hour', of: 5000 } },
  ]);
  for (const said of ['40 MB per hour', '600 students per day', '10000 rows per day']) {
    const { code, stderr } = await guard.rowgate([
      'limits',
      'raise',
      'vendor',
      said,
      '--for',
      '1 day',
      '--reason',
      'x',
    ]);
    expect({ said, code, stderr }).toEqual({ said, code: 0, stderr: '' });
  }
});

const HOUR = 3_600_000;

it.each<[string, Record<string, unknown>, string]>([
  ['locks.add', { principal: 'nobody', reason: 'x' }, 'principal "nobody" does not exist'],
  ['locks.add', { principal: 'vendor' }, 'reason: '],
  ['locks.add', { principal: 'vendor', reason: ' ' }, 'reason: a reason is needed'],
  ['locks.add', { principal: 'vendor', reason: 'red \u001b[31m' }, 'reason: expected a line of text'],
  ['locks.add', { principal: 'vendor', reason: 'x', forMs: 32 * 24 * HOUR }, '--for: expected 31 days at most'],
  ['locks.add', { principal: 'vendor', reason: 'x', by: 'root' }, 'arguments: '],
  ['locks.release', { principal: 'nobody', reason: 'x' }, '"nobody" is not locked out'],
  ['limits.show', { principal: 'nobody' }, 'principal "nobody" does not exist'],
  ['limits.show', { principal: 'vendr' }, 'principal "vendr" does not exist, did you mean "vendor"?'],
  ['limits.raise', raise('more'), 'expected a limit such as "5000 rows per hour"'],
  ['limits.raise', raise('5000 rows per hour lock'), 'expected a limit such as'],
  ['limits.raise', raise('5000 rows per minute'), 'has no limit of that kind and window'],
  ['limits.raise', raise('5000 teachers per day'), 'expected a limit such as'],
  ['limits.raise', raise('10 rows per hour'), 'that is not more than what holds'],
  ['permit.revoke', { id: 'none', reason: 'x' }, 'there is no permit "none"'],
  ['shutdown', {}, 'unknown command "shutdown"'],
  ['constructor', {}, 'unknown command "constructor"'],
])('%s %j is refused, and changes nothing', async (command, given, message) => {
  const reply = await guard.ask(command, given);
  expect(reply).toMatchObject({ ok: false, error: { message: expect.stringContaining(message) } });
  expect(await guard.recorded('lock')).toHaveLength(1);
});

function raise(limit: string): Record<string, unknown> {
  return { principal: 'vendor', limit, forMs: HOUR, reason: 'x' };
}

it.each<[number, string[], string]>([
  [1, ['limits', 'show', 'nobody'], 'principal "nobody" does not exist'],
  [2, ['locks', 'add', 'vendor'], "required option '--reason <text>' not specified"],
  [2, ['locks', 'add', 'vendor', '--reason', 'x', '--for', 'ever'], 'expected a duration such as "5 s"'],
  [2, ['locks', 'list', '--socket', 'nowhere.sock'], 'no guard runs there'],
  [2, ['locks', 'list', '--config', 'nowhere.yaml'], 'no such file'],
])('exit code %i: %j', async (code, words, message) => {
  expect(await guard.rowgate(words)).toMatchObject({ code, stderr: expect.stringContaining(message) });
});

it('reloads, and says what came of it: from and to, or each mistake with its place', async () => {
  // Not noticed by itself: the watcher waits for quiet, and this asks at once; either way the answer is the same policy.
  await guard.policy('roles/vendor.yaml', VENDOR.replace('first_name', 'first_nam'));
  const broken = await guard.rowgate(['reload']);
  expect(broken.code).toBe(1);
  expect(broken.stdout).toContain('roles/vendor.yaml:4:');
  expect(broken.stdout).toContain('stays in force');
  await guard.policy('roles/vendor.yaml', VENDOR.replace('first_name, ', ''));
  const { reports } = await guard.done<{ reports: { policy: { kind: string }; inForce: string }[] }>('reload');
  expect(reports).toHaveLength(1);
  expect(['replaced', 'unchanged']).toContain(reports[0]?.policy.kind);
  const client = await guard.connect('vendor');
  await expect(client.query('SELECT first_name FROM students')).rejects.toMatchObject({ code: '42501' });
  const changes = (await guard.recorded('policy')).filter(({ via }) => via === 'control');
  for (const change of changes) expect(change.by).toBe(me);
  expect(changes.length).toBeGreaterThanOrEqual(1);
});

it('drains, and ends with exit code 0', async () => {
  expect(await guard.rowgate(['drain'])).toMatchObject({ code: 0, stdout: 'the guard drains\n' });
  expect(await guard.status).toBe(0);
  expect(await guard.recorded('drain')).toMatchObject([{ by: me, via: 'control' }]);
  expect(await guard.rowgate(['drain'])).toMatchObject({ code: 2, stderr: expect.stringContaining('no guard runs') });
});
