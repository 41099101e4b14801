/** Tests that all commands, messages and alarms write times in the guard's time zone and name it: neither that of the host, nor UTC. */
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, verifierOf } from '../proxy/support.ts';
import { type AlarmReceiver, receiveAlarms } from '../support/alarm-receiver.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { isRoot } from '../support/tools.ts';
import { type Operated, operate, VENDOR } from './served.ts';

/** 14 hours before UTC, so that every other zone shows other times. */
const ZONE = 'Pacific/Kiritimati';
const AHEAD_MS = 14 * 3_600_000;
const HOST = 'America/Anchorage';

let database: FreshDatabase;
let guard: Operated;
let receiver: AlarmReceiver;
const hostBefore = process.env.TZ;

beforeAll(async () => {
  process.env.TZ = HOST;
  database = await freshDatabase();
  await seedSmall(database.url);
  receiver = await receiveAlarms();
  guard = await operate(database, `time_zone: ${ZONE}\nnotify: { url: "${receiver.url}", secret: 0123456789abcdef }`);
  const verifiers = new Map<string, string>();
  for (const name of ['vendor', 'locked', 'signed', 'night']) verifiers.set(name, await verifierOf(`demo-${name}`));
  const principal = (name: string, more = '') =>
    `  ${name}: { role: ${name === 'signed' ? name : 'vendor'}, password: "${verifiers.get(name)}"${more} }\n`;
  await guard.policy(
    'principals.yaml',
    `principals:\n${principal('vendor')}${principal('locked')}${principal('signed')}${principal('night', ', break_glass: { approvals: 1, for: 4 hours }')}`,
  );
  await guard.policy('roles/signed.yaml', `${VENDOR.replace('role: vendor', 'role: signed')}raise: { approvals: 1 }\n`);
  await guard.policy('approvers.yaml', `approvers: { jean: { key: "${sshKey()}" }, zoe: { key: "${sshKey()}" } }\n`);
  await guard.done('reload');
  await (await guard.connect('vendor')).query('SELECT 1');
});
afterAll(async () => {
  if (hostBefore === undefined) delete process.env.TZ;
  else process.env.TZ = hostBefore;
  await guard?.stop();
  await database?.drop();
  receiver?.stop();
});

function sshKey(): string {
  const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const part = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  return `ssh-ed25519 ${Buffer.concat([part(Buffer.from('ssh-ed25519')), part(raw)]).toString('base64')}`;
}

const TIME =
  /[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?:[:.][0-9]+)*(?:Z|[+-][0-9:]+)?(?: [A-Z][A-Za-z]*[A-Za-z/_+0-9-]*)?/g;

/** All times in a text, without the zone that each must name. */
function times(text: string): string[] {
  const found = [...text.matchAll(TIME)].map(([time]) => time);
  expect(found.filter((time) => !time.endsWith(` ${ZONE}`))).toEqual([]);
  return found.map((time) => time.slice(0, 19));
}

/** As the guard's clocks on the wall show an ISO time. */
const onWall = (iso: unknown): string =>
  new Date(Date.parse(String(iso)) + AHEAD_MS).toISOString().slice(0, 19).replace('T', ' ');

async function said(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await guard.rowgate(words, sudoUser);
  expect(stderr).toBe('');
  expect(code).toBe(words.includes('--stale') ? 1 : 0);
  return stdout;
}

/** The text that approvers sign has one form everywhere, in UTC. */
const withoutSigned = (text: string): string => text.replaceAll(/^.*[0-9]Z\W*$/gm, '');

/** Root acts in the name of another user. */
const sudoUser = isRoot ? 'ines' : undefined;
const WHY = ['--reason', 'a test'];
type Row = Record<string, unknown>;

it('locks', async () => {
  const added = await said('locks', 'add', 'locked', '--for', '2h', ...WHY);
  const { locks } = await guard.done<{ locks: Row[] }>('locks.list');
  expect(times(added)).toEqual([onWall(locks[0]!.until)]);
  expect(times(await said('locks', 'list'))).toEqual([onWall(locks[0]!.since), onWall(locks[0]!.until)]);
  expect(times(await said('limits', 'show', 'locked'))).toEqual([onWall(locks[0]!.until)]);
  const shorter = await guard.rowgate(['locks', 'add', 'locked', '--for', '1h', ...WHY]);
  expect(times(shorter.stderr)).toEqual([onWall(locks[0]!.until)]);
  const refused = await guard.connect('locked').catch((error) => error);
  expect(refused.code).toBe('28000');
  expect(times(refused.detail)).toEqual([onWall(locks[0]!.until)]);
});

it('raises', async () => {
  const raised = times(await said('limits', 'raise', 'vendor', '5000 rows per hour', '--for', '2h', ...WHY));
  const { limits } = await guard.done<{ limits: Row[] }>('limits.show', { principal: 'vendor' });
  expect(raised).toEqual([onWall(limits.find(({ until }) => until)!.until)]);
  expect([...new Set(times(await said('limits', 'show', 'vendor')))]).toEqual(raised);
  const signed = await said('limits', 'raise', 'signed', '5000 rows per hour', '--for', '2h', ...WHY);
  expect(times(withoutSigned(signed))).toEqual([]);
  const { raises } = await guard.done<{ raises: Row[] }>('limits.raises');
  expect(times(await said('limits', 'raises'))).toEqual(raises.map(({ until }) => onWall(until)));
});

it('permits: their beginning is read in that zone', async () => {
  const day = (ahead: number): string => new Date(Date.now() + ahead * 86_400_000).toISOString().slice(0, 10);
  const [begin, next] = [day(3), day(4)];
  const from = ['--from', `${begin}T20:00`, '--for', '4h'];
  const asked = await said('permit', 'request', 'vendor', '--table', 'students', '--rows', '10', ...from, ...WHY);
  expect(times(withoutSigned(asked))).toEqual([]);
  const { permits } = await guard.done<{ permits: Row[] }>('permit.list');
  expect(permits[0]).toMatchObject({ from: `${begin}T06:00:00.000Z`, until: `${begin}T10:00:00.000Z` });
  expect(times(await said('permit', 'list'))).toEqual([`${begin} 20:00:00`, `${next} 00:00:00`]);
  const wrong = await guard.rowgate([
    'permit',
    'request',
    'vendor',
    '--table',
    'students',
    '--rows',
    '1',
    '--for',
    '1h',
    '--from',
    '2h',
    ...WHY,
  ]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--from: expected a time') });
});

it('openings of closed principals', async () => {
  const asked = await said('break-glass', 'ask', 'night', '--for', '1h', ...WHY);
  expect(times(withoutSigned(asked))).toEqual([]);
  const { openings } = await guard.done<{ openings: Row[] }>('break-glass.list');
  const { requestedAt, until } = openings[0]!;
  expect(times(await said('break-glass', 'list'))).toEqual([onWall(requestedAt), onWall(until)]);
});

it('alarms', async () => {
  for (const kind of ['lock', 'raise', 'break-glass']) {
    await eventually(() => receiver.alarms.some((alarm) => alarm.kind === kind), `an alarm about ${kind} came`);
    const text = String(receiver.alarms.find((alarm) => alarm.kind === kind)?.text);
    expect(times(text)).toHaveLength(1);
  }
});

describe('the log', () => {
  it('its records, under the name of the zone', async () => {
    const text = await said('log', 'query', '--kind', 'lock');
    const [head, ...lines] = text.trimEnd().split('\n');
    expect(head).toMatch(/^time \(Pacific\/Kiritimati\) +principal +kind +effect$/);
    const [{ time, until } = { time: '', until: '' }] = await guard.recorded('lock');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(onWall(time));
    expect(times(lines[0]!.slice(24))).toEqual([onWall(until)]);
    const elsewhere = await said('log', 'query', '--kind', 'lock', '--time-zone', 'Asia/Tokyo');
    expect(elsewhere).toMatch(/^time \(Asia\/Tokyo\)/);
  });

  it('policies', async () => {
    const [first, second] = await guard.recorded('policy');
    expect(times(await said('log', 'policies'))).toEqual([onWall(first!.time), onWall(second!.time)]);
    // Its millisecond may lie in the last second of a minute.
    const later = new Date(Date.parse(String(second!.time)) + 60_000).toISOString();
    const shown = await said('log', 'policies', '--at', onWall(later));
    expect(times(shown.split('\n')[0]!)).toEqual([onWall(second!.time)]);
  });

  it('what was verified', async () => {
    expect(times(await said('log', 'verify')).length).toBeGreaterThanOrEqual(2);
  });

  it('reports', async () => {
    const text = await said('log', 'report', 'refusals', '--since', '1d');
    expect(text).toContain(`(${ZONE})`);
    expect(text).not.toMatch(/[0-9]T[0-9]{2}:|[0-9]Z\b/);
  });

  it('unused principals', async () => {
    const text = await said('access', '--stale', '--days', '1');
    expect(times(text).length).toBeGreaterThan(0);
  });
});
