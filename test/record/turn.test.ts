/** Tests group commit: what sessions decide in one turn of the event loop is in the file at its end, in its order, and before any session goes on. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SessionLog } from '../../src/decision-log/record-sink.ts';
import { type DecisionLog, openLog } from '../../src/decision-log/writer/log.ts';
import { SessionRecords } from '../../src/decision-log/writer/session-records.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';

/** The disk is full. */
const writes = vi.hoisted(() => ({ fail: false }));
vi.mock('node:fs', async (actual) => {
  const real = await actual<typeof import('node:fs')>();
  const writeSync = (...args: Parameters<typeof real.writeSync>): number => {
    if (writes.fail) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    return real.writeSync(...args);
  };
  return { ...real, writeSync };
});

let folder: string;
let log: DecisionLog;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-turn-'));
  log = openLog({
    file: join(folder, 'd.jsonl'),
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: Date.now,
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await log.close();
  rmSync(folder, { recursive: true });
});

const session = (name: string): SessionLog =>
  log.session({
    session: name,
    principal: name,
    role: 'r',
    attributes: {},
    client: 'c',
    database: 'd',
    application: '',
  });
const decision = (id: string, effect: DecisionEntry['effect'] = 'allow'): DecisionEntry => ({
  kind: 'decision',
  id,
  command: 'SELECT',
  fingerprint: 'f',
  statement: `SELECT ${id}`,
  tables: [],
  columns: [],
  effect,
  policy: 'sha256:p',
  text: '',
});
const outcome = (id: string): OutcomeEntry => ({
  kind: 'outcome',
  id,
  rows: 1,
  bytes: 2,
  changed: 0,
  ms: 3,
  status: 'ok',
});
const told = (of: SessionLog): Promise<boolean> => new Promise((done) => of.reachDisk()?.tell(done));
/** The statements in the file, in its order. */
const held = (): string[] =>
  readFileSync(join(folder, 'd.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
    .filter(({ kind }) => kind !== 'segment' && kind !== 'seal')
    .map(({ kind, id, principal }) => `${kind} ${id ?? principal}`);

/** For each outcome, the decision before it; undefined without one. */
const ended = (): (string | undefined)[] => {
  const records = held();
  return records.flatMap((record, at) =>
    record.startsWith('outcome ')
      ? [records.slice(0, at).find((before) => before === record.replace('outcome', 'decision'))]
      : [],
  );
};

test('decisions of several sessions, confirmed once they are written', async () => {
  const [a, b] = [session('a'), session('b')];
  expect([a.append(decision('1')), b.append(decision('2')), a.append(outcome('1'))]).toEqual([true, true, true]);
  expect(held()).toEqual([]);
  expect(await told(b)).toBe(true);
  expect(held()).toEqual(['decision 1', 'decision 2']);
  expect([a.reachDisk(), b.reachDisk()]).toEqual([undefined, undefined]);
});

test('a session that has recorded no decision in this turn does not wait', () => {
  const [a, b] = [session('a'), session('b')];
  a.append(decision('1'));
  b.append(outcome('0'));
  expect(b.reachDisk()).toBeUndefined();
});

test('outcomes alone are written a moment later, while no session waits', async () => {
  const a = session('a');
  a.append(decision('1'));
  await told(a);
  a.append(outcome('1'));
  expect(a.reachDisk()).toBeUndefined();
  expect(held()).toEqual(['decision 1']);
  await vi.waitFor(() => expect(held()).toEqual(['decision 1', 'outcome 1']), { timeout: 60_000 });
});

test('outcomes that are many go with the next decisions, behind them', async () => {
  // The time that outcomes wait for others never comes.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const [a, b] = [session('a'), session('b')];
  for (let i = 1; i <= 16; i++) a.append(decision(`${i}`));
  await told(a);
  for (let i = 1; i < 16; i++) a.append(outcome(`${i}`));
  b.append(decision('17'));
  await told(b);
  expect(held().at(-1)).toBe('decision 17');
  a.append(outcome('16'));
  b.append(decision('18'));
  await told(b);
  expect(held().slice(16)).toEqual([
    'decision 17',
    'decision 18',
    ...Array.from({ length: 16 }, (_, i) => `outcome ${i + 1}`),
  ]);
});

test('no outcome comes before its decision, also of what is refused in the same turn', async () => {
  const a = session('a');
  for (let i = 1; i <= 16; i++) a.append(decision(`${i}`));
  await told(a);
  for (let i = 1; i <= 15; i++) a.append(outcome(`${i}`));
  a.append(decision('17', 'refuse'));
  a.append(outcome('17'));
  await told(a);
  expect(ended()).toHaveLength(16);
  a.append(outcome('16'));
  log.append('login', { principal: 'b' });
  a.append(decision('18', 'refuse'));
  a.append(outcome('18'));
  log.append('login', { principal: 'c' });
  expect(ended()).toHaveLength(18);
  expect(ended()).not.toContain(undefined);
});

test('a failed write of an outcome alone fails no later decision', async () => {
  const a = session('a');
  a.append(outcome('0'));
  writes.fail = true;
  log.append('login', { principal: 'b' });
  writes.fail = false;
  expect(log.append('login', { principal: 'c' })).toBe(true);
  a.append(decision('1'));
  expect(await told(a)).toBe(true);
  expect(held()).toEqual(['login c', 'decision 1']);
});

test('other records come after the earlier ones', () => {
  const a = session('a');
  a.append(decision('1', 'refuse'));
  expect(log.append('lock', { principal: 'a', by: 'rowgate' })).toBe(true);
  expect(held()).toEqual(['decision 1', 'lock a']);
});

test('people who are about to be shown are recorded at once', () => {
  log.append('login', { principal: 'a' });
  const a = session('a');
  a.append(decision('1'));
  // Without a key to hash by nothing is written of them; what was recorded before is.
  expect(a.append({ kind: 'seen', id: '1', keys: { student: ['4711'] } })).toBe(true);
  expect(held()).toEqual(['login a', 'decision 1']);
});

test('closing writes what waits', async () => {
  session('a').append(decision('1'));
  await log.close();
  expect(held()).toEqual(['decision 1']);
});

test('thousands of one turn do not all wait', () => {
  const a = session('a');
  for (let i = 0; i < 1_000; i++) a.append(decision(`${i}`));
  expect(held().length).toBeGreaterThan(700);
});

test('a write that fails is reported to all sessions that wait, and to none that come later', async () => {
  const [a, b] = [session('a'), session('b')];
  a.append(decision('1'));
  expect(await told(a)).toBe(true);
  a.append(decision('2'));
  b.append(decision('3'));
  const failing = [told(a), told(b)];
  writes.fail = true;
  expect(await Promise.all(failing)).toEqual([false, false]);
  expect([a.isOnDisk('1'), a.isOnDisk('2'), b.isOnDisk('3')]).toEqual([true, false, false]);
  expect(b.append(decision('4'))).toBe(false);
  writes.fail = false;
  expect([b.append(decision('5')), b.reachDisk()]).toEqual([true, undefined]);
  expect(held()).toEqual(['decision 1', 'decision 5']);
  a.append(decision('6'));
  expect(await told(a)).toBe(true);
});

test('an exception is reported as a failure, and the log goes on', async () => {
  const a = session('a');
  const thrown = vi.spyOn(SessionRecords.prototype, 'append').mockImplementationOnce(() => {
    throw new Error('a bug');
  });
  a.append(decision('1'));
  const failing = told(a);
  expect(() => log.append('login', { principal: 'b' })).toThrow('a bug');
  expect(await failing).toBe(false);
  thrown.mockRestore();
  a.append(decision('2'));
  expect(await told(a)).toBe(true);
  expect(held()).toEqual(['decision 2']);
});

test('no record has an earlier time than the one before it, where a seal comes among what is written at once', async () => {
  let now = Date.UTC(2026, 10, 25, 9);
  const file = join(folder, 'sealed.jsonl');
  const clock = () => (now += 1);
  const seal = { everyMs: 3_600_000, records: 3 };
  const sealed = openLog({ file, durability: 'batched', text: 'normalized', guard: 'g1', clock, seal });
  const context = {
    session: 's',
    principal: 'p',
    role: 'r',
    attributes: {},
    client: 'c',
    database: 'd',
    application: '',
  };
  const a = sealed.session(context);
  for (let i = 0; i < 10; i++) a.append(decision(String(i)));
  await told(a);
  await sealed.close();
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { kind: string; time: string });
  expect(records.filter(({ kind }) => kind === 'seal').length).toBeGreaterThan(3);
  const times = records.map(({ time }) => time);
  expect(times).toEqual(times.toSorted());
});
