/** Tests the counters behind the figures: which event changes which figure, and when the guard is ready. */
import { describe, expect, test } from 'vitest';
import type { DecisionLog } from '../../src/decision-log/writer/log.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import { Counts } from '../../src/operations/admin/counts.ts';
import { BOUNDS, Distribution } from '../../src/operations/admin/distribution.ts';
import { exposition } from '../../src/operations/admin/exposition.ts';
import { Fleet, type WorkerReport } from '../../src/operations/admin/fleet.ts';
import type { WatchedProxy } from '../../src/operations/admin/watched-guard.ts';
import { WatchedGuard } from '../../src/operations/admin/watched-guard.ts';
import type { MakeJudge, PolicyReading } from '../../src/server/guard-runtime.ts';
import type { DecisionEntry, OutcomeEntry } from '../../src/session/log-entries.ts';
import { type Family, figure, readMetrics } from './support.ts';

const WHO = {
  session: 's',
  principal: 'p',
  role: 'teacher',
  attributes: {},
  client: 'c',
  database: 'd',
  application: 'a',
};

const DECISION: DecisionEntry = {
  kind: 'decision',
  id: '1',
  command: 'SELECT',
  fingerprint: '',
  statement: '',
  tables: [],
  columns: [],
  effect: 'rewrite',
  policy: 'sha256:1',
  text: 'SELECT secret',
};

const OUTCOME: OutcomeEntry = { kind: 'outcome', id: '1', rows: 3, bytes: 40, changed: 2, ms: 7, status: 'ok' };

/** A log that keeps nothing, and can be told to fail. */
function fakeLog(): DecisionLog & { fails: boolean } {
  const log = {
    fails: false,
    append: () => !log.fails,
    login: async () => !log.fails,
    session: () => ({ append: () => !log.fails, reachDisk: () => undefined, isOnDisk: () => true }),
    reopen: () => true,
    onSeal: () => {},
    head: async () => undefined,
    heard: () => {},
    close: () => Promise.resolve(),
  };
  return log;
}

const proxy = (extra: Partial<WatchedProxy> = {}): WatchedProxy =>
  ({
    sessions: { live: () => [] },
    runtime: { policy: { roles: new Map(), principals: new Map() }, withheld: [] },
    draining: false,
    ...extra,
  }) as unknown as WatchedProxy;

async function figures(...guards: WatchedGuard[]): Promise<Family[]> {
  return readMetrics(await exposition(await Promise.all(guards.map((guard) => guard.metrics()))));
}

describe('counting', () => {
  test('decisions and outcomes become figures of the role', async () => {
    const guard = new WatchedGuard('1');
    const log = guard.watch.log(fakeLog());
    log.append('login', WHO);
    const session = log.session(WHO);
    session.append(DECISION);
    session.append(OUTCOME);
    session.append({ ...DECISION, id: '2', effect: 'refuse', reason: 'column-withheld' });
    session.append({ ...OUTCOME, id: '2', rows: 0, bytes: 0, changed: 0, status: 'refused' });
    session.append({ ...DECISION, id: '3', command: 'COPY', effect: 'allow', would: 'refuse' });
    const limit = { name: 'rows_per_statement', used: 1, of: 1 };
    session.append({ ...OUTCOME, id: '3', bytes: 100, status: 'cut', limit });
    const student = { people: 12, questions: 0, values: 3 };
    session.append({ ...OUTCOME, id: '4', rows: 0, bytes: 0, changed: 0, status: 'error', subjects: { student } });
    const subjects = { student: { ...student, questions: 1 }, staff: { people: 0, questions: 1, values: 0 } };
    session.append({ ...OUTCOME, id: '5', rows: 0, bytes: 0, changed: 0, status: 'error', subjects });
    const read = await figures(guard);
    const role = 'teacher';
    const count = (name: string, labels = {}) => figure(read, name, { role, ...labels });
    expect(count('rowgate_logins_total')).toBe(1);
    expect(count('rowgate_statements_total', { effect: 'rewrite', reason: '' })).toBe(1);
    expect(count('rowgate_statements_total', { effect: 'refuse', reason: 'column-withheld' })).toBe(1);
    expect(count('rowgate_observed_statements_total', { would: 'refuse' })).toBe(1);
    expect(count('rowgate_outcomes_total', { status: 'cut' })).toBe(1);
    expect(count('rowgate_limit_overruns_total', { limit: 'rows_per_statement' })).toBe(1);
    expect([count('rowgate_rows_total'), count('rowgate_bytes_total'), count('rowgate_copy_bytes_total')]).toEqual([
      6, 140, 100,
    ]);
    expect(count('rowgate_changed_rows_total')).toBe(4);
    const told = (subject: string) =>
      ['people', 'questions', 'values'].map((what) => count(`rowgate_${what}_total`, { subject }));
    expect([told('student'), told('staff')]).toEqual([
      [24, 1, 6],
      [0, 1, 0],
    ]);
    expect(count('rowgate_server_seconds_count'), 'a refused statement has no time of its own').toBe(4);
    expect(count('rowgate_server_seconds_sum')).toBeCloseTo(0.028);
    expect(count('rowgate_server_seconds_bucket', { le: '0.005' })).toBe(0);
    expect(count('rowgate_server_seconds_bucket', { le: '0.01' })).toBe(4);
  });

  test('refused logins are counted by reason, failures of the server by SQLSTATE too', async () => {
    const guard = new WatchedGuard('1');
    guard.watch.loginRefused('password', '28P01');
    guard.watch.loginRefused('upstream', '08001');
    // A record that counts many logins comes later than they did, and is no further login.
    guard.watch.log(fakeLog()).append('login-refused', { reason: 'password', sqlstate: '28P01', count: 80 });
    const read = await figures(guard);
    expect(figure(read, 'rowgate_login_failures_total', { reason: 'password' })).toBe(1);
    expect(figure(read, 'rowgate_login_failures_total', { reason: 'expired' }), 'shown from the start').toBe(0);
    expect(figure(read, 'rowgate_upstream_failures_total', { sqlstate: '08001' })).toBe(1);
  });

  test('a remembered judgement is told from a new one', async () => {
    const guard = new WatchedGuard('1');
    const remembered = {} as Judgement;
    const make: MakeJudge = () => ({ judge: (sql) => (sql === 'same' ? remembered : ({} as Judgement)) });
    const judge = guard.watch.makeJudge(make)({} as Parameters<MakeJudge>[0]);
    for (const sql of ['same', 'same', 'same', 'other']) judge.judge(sql);
    const read = await figures(guard);
    expect(figure(read, 'rowgate_decision_seconds_count', { remembered: 'yes' })).toBe(2);
    expect(figure(read, 'rowgate_decision_seconds_count', { remembered: 'no' })).toBe(2);
  });

  test('judgements and exceptions come through unchanged', () => {
    const judgement = {} as Judgement;
    const seen: unknown[] = [];
    const make: MakeJudge = () => ({
      judge: (...given) => {
        seen.push(given);
        return judgement;
      },
    });
    const judge = new WatchedGuard('1').watch.makeJudge(make)({} as Parameters<MakeJudge>[0]);
    expect(judge.judge('x', [23])).toBe(judgement);
    expect(seen).toEqual([['x', [23]]]);
  });

  test('readings of the policies: errors and exceptions are failures', async () => {
    let now = 1_000_000;
    const guard = new WatchedGuard('1', () => now);
    const reading = { policy: {}, errors: [] as string[] } as unknown as PolicyReading;
    expect(await guard.watch.read(async () => reading)()).toBe(reading);
    now = 2_000_000;
    await guard.watch.read(async () => ({ ...reading, errors: ['x'] }))();
    await expect(guard.watch.read(() => Promise.reject(new Error('gone')))()).rejects.toThrow('gone');
    const read = await figures(guard);
    expect(figure(read, 'rowgate_policy_readings_total', { result: 'failed' })).toBe(2);
    expect(figure(read, 'rowgate_policy_readings_total', { result: 'ok' })).toBe(1);
    expect(figure(read, 'rowgate_policy_last_reading_ok')).toBe(0);
    expect(figure(read, 'rowgate_policy_last_reading_timestamp_seconds')).toBe(2_000);
  });

  test('a role may be called anything', async () => {
    const guard = new WatchedGuard('1');
    const name = 'a "b" \\ {c="d"}\n# e é';
    guard.watch.log(fakeLog()).append('login', { ...WHO, role: name });
    expect(figure(await figures(guard), 'rowgate_logins_total', { role: name })).toBe(1);
  });

  test('until when the certificate serves, where there is one', async () => {
    const guard = new WatchedGuard('1');
    const name = 'rowgate_certificate_expiry_timestamp_seconds';
    guard.running(proxy(), []);
    expect(figure(await figures(guard), name)).toBeUndefined();
    guard.running(proxy({ certificateValidUntil: new Date(5_000_000) }), []);
    expect(figure(await figures(guard), name)).toBe(5_000);
    const ofLists = 'rowgate_revocation_list_expiry_timestamp_seconds';
    expect(figure(await figures(guard), ofLists)).toBeUndefined();
    guard.running(proxy({ revocationListsValidUntil: new Date(7_000_000) }), []);
    expect(figure(await figures(guard), ofLists)).toBe(7_000);
  });

  test('the dates until which principals may log in, where they have one', async () => {
    const guard = new WatchedGuard('1', () => Date.UTC(2026, 10, 1));
    const until = Date.UTC(2026, 10, 20);
    const principals = new Map(
      [
        ['soon', until],
        ['later', Date.UTC(2027, 0, 1)],
        ['over', Date.UTC(2026, 9, 1)],
      ].map(([name, validUntil]) => [name, { name, validUntil }]),
    );
    const runtime = { policy: { roles: new Map(), principals }, withheld: [] } as unknown as WatchedProxy['runtime'];
    guard.running(proxy({ runtime }), []);
    const name = 'rowgate_principal_valid_until_timestamp_seconds';
    const families = await figures(guard);
    expect(figure(families, name, { principal: 'soon' })).toBe(until / 1000);
    for (const principal of ['later', 'over']) expect(figure(families, name, { principal })).toBeUndefined();
  });

  test('the number of labels does not grow without bound', async () => {
    const counts = new Counts();
    for (let i = 0; i < 10_000; i++) counts.add(`word${i}`);
    expect([...counts.entries()]).toHaveLength(65);
    expect(new Map(counts.entries()).get('other')).toBe(10_000 - 64);
    const guard = new WatchedGuard('1');
    const log = guard.watch.log(fakeLog());
    for (let i = 0; i < 2_000; i++) log.append('login', { ...WHO, role: `role${i}` });
    const read = await figures(guard);
    expect(read.find(({ name }) => name === 'rowgate_logins_total')?.samples).toHaveLength(501);
    expect(figure(read, 'rowgate_logins_total')).toBe(2_000);
  });

  test('durations fall into the bucket that holds them, bounds included', () => {
    const distribution = new Distribution();
    for (const bound of BOUNDS) distribution.observe(bound);
    for (const seconds of [0, 11, 1_000_000]) distribution.observe(seconds);
    const cumulative = distribution.cumulative();
    expect(cumulative).toEqual([...BOUNDS.map((_bound, i) => i + 2), BOUNDS.length + 3]);
  });
});

describe('ready', () => {
  test('not ready before it runs, while it drains, or where one of the checks fails', () => {
    const guard = new WatchedGuard('1');
    expect(guard.notReady()).toMatch(/starting/);
    let why: string | undefined;
    const running = { ...proxy(), draining: false };
    guard.running(running, [() => why]);
    expect(guard.notReady()).toBeUndefined();
    why = 'no database';
    expect(guard.notReady()).toBe('no database');
    running.draining = true;
    expect(guard.notReady()).toBe('draining');
  });

  test('not ready for ten seconds after a session found no server, unless another one did', () => {
    let now = 0;
    const guard = new WatchedGuard('1', () => now);
    guard.running(proxy(), []);
    const log = guard.watch.log(fakeLog());
    const failure = (sqlstate: string) => guard.watch.loginRefused('upstream', sqlstate);
    failure('53300');
    failure('28P01');
    expect(guard.notReady(), 'it is there').toBeUndefined();
    failure('08001');
    now = 9_999;
    expect(guard.notReady()).toBe('the database server could not be reached');
    now = 10_000;
    expect(guard.notReady()).toBeUndefined();
    failure('57P03');
    expect(guard.notReady()).toBeDefined();
    log.append('login', WHO);
    expect(guard.notReady()).toBeUndefined();
  });

  test('not ready for half a minute after a record could not be written; its answer is passed on', async () => {
    let now = 0;
    const guard = new WatchedGuard('1', () => now);
    guard.running(proxy(), []);
    const inner = fakeLog();
    const log = guard.watch.log(inner);
    const session = log.session(WHO);
    expect(session.append(DECISION)).toBe(true);
    inner.fails = true;
    expect(session.append(DECISION)).toBe(false);
    expect(log.append('login', WHO)).toBe(false);
    expect(guard.notReady()).toBe('the decision log could not be written');
    now = 29_999;
    expect(guard.notReady()).toBeDefined();
    now = 30_000;
    expect(guard.notReady(), 'only a statement tries the log again').toBeUndefined();
    const read = await figures(guard);
    expect(figure(read, 'rowgate_decision_log_failures_total')).toBe(2);
    expect(figure(read, 'rowgate_statements_total'), 'what was not recorded was not decided').toBe(1);
    expect(figure(read, 'rowgate_logins_total')).toBe(0);
  });
});

describe('several processes', () => {
  test('counters and histograms add up; the least ready one tells', async () => {
    const guards = ['1', '1'].map((version) => new WatchedGuard(version));
    guards[0]?.running(proxy(), []);
    for (const [index, guard] of guards.entries()) {
      const log = guard.watch.log(fakeLog());
      log.append('policy', { to: index === 0 ? 'sha256:a' : 'sha256:b' });
      log.session(WHO).append(DECISION);
      log.session(WHO).append(OUTCOME);
    }
    const read = await figures(...guards);
    expect(figure(read, 'rowgate_statements_total', { role: 'teacher' })).toBe(2);
    expect(figure(read, 'rowgate_server_seconds_count')).toBe(2);
    expect(figure(read, 'rowgate_ready')).toBe(0);
    expect(figure(read, 'rowgate_build_info', { version: '1' })).toBe(1);
    expect(figure(read, 'rowgate_policy_info', { hash: 'sha256:a' })).toBe(1);
    expect(figure(read, 'rowgate_policy_info', { hash: 'sha256:b' })).toBe(1);
    expect(figure(read, 'process_start_time_seconds')).toBeGreaterThan(0);
  });

  test('figures of a worker survive the way as JSON', async () => {
    const guard = new WatchedGuard('1');
    guard.watch.log(fakeLog()).session(WHO).append(DECISION);
    const sent = JSON.parse(JSON.stringify(await guard.metrics()));
    expect(figure(readMetrics(await exposition([sent, sent])), 'rowgate_statements_total')).toBe(2);
  });

  test('a worker that ends takes no counter with it, and its gauges', async () => {
    const guards = [new WatchedGuard('1'), new WatchedGuard('1'), new WatchedGuard('1')];
    const logs = guards.map((guard) => guard.watch.log(fakeLog()).session(WHO));
    const reporting = guards.map((guard, id) => ({
      id,
      report: async () => ({ notReady: null, withheld: [], metrics: await guard.metrics() }),
    }));
    let alive = reporting.slice(0, 2);
    const fleet = new Fleet(() => alive);
    const read = async () => readMetrics(await fleet.metrics());
    for (const [index, log] of logs.entries()) for (let i = 0; i <= index; i++) log.append(OUTCOME);
    const [one, two, three] = [OUTCOME.rows, 2 * OUTCOME.rows, 3 * OUTCOME.rows];
    expect(figure(await read(), 'rowgate_rows_total')).toBe(one + two);
    alive = reporting.slice(0, 1);
    const after = await read();
    expect(figure(after, 'rowgate_rows_total')).toBe(one + two);
    expect(figure(after, 'rowgate_server_seconds_count')).toBe(3);
    expect(figure(after, 'rowgate_workers')).toBe(1);
    alive = [reporting[0]!, reporting[2]!];
    expect(figure(await read(), 'rowgate_rows_total')).toBe(one + two + three);
    alive = [];
    const none = await read();
    expect(figure(none, 'rowgate_rows_total')).toBe(one + two + three);
    expect(figure(none, 'rowgate_workers')).toBeUndefined();
  });

  test.each([
    ['none', [], 'no worker serves'],
    ['all ready', [null, null], null],
    ['one of them not', [null, 'the decision log could not be written'], 'the decision log could not be written'],
    ['one that fails', [null, new Error('gone')], 'a worker does not answer'],
    ['one that is silent', [null, 'silent'], 'a worker does not answer'],
  ] as const)('ready: %s', async (_name, says, expected) => {
    const workers = says.map((word, id) => ({
      id,
      report: (): Promise<WorkerReport> => {
        if (word === 'silent') return new Promise(() => {});
        return word instanceof Error
          ? Promise.reject(word)
          : Promise.resolve({ notReady: word, withheld: ['same'], metrics: [] });
      },
    }));
    const { notReady, withheld } = await new Fleet(() => workers).readiness();
    expect(notReady).toBe(expected);
    expect(withheld, 'once, of however many').toEqual(says.includes(null as never) ? ['same'] : []);
  });
});
