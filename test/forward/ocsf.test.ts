/** Tests that each record of the log is a valid event of OCSF 1.5.0, by the facts of its published schema, and says who, what and how it ended. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ecsEvent } from '../../src/decision-log/forward/ecs.ts';
import { ocsfEvent } from '../../src/decision-log/forward/ocsf/ocsf.ts';
import { violations } from './facts.ts';

type Fields = Record<string, unknown>;

const decision: Fields = {
  time: '2026-11-25T09:00:00.000Z',
  kind: 'decision',
  guard: 'g1/2',
  seq: 4711,
  id: '01JD',
  session: '01JS',
  principal: 'college_12_app',
  user: '7731',
  role: 'teacher',
  attributes: { school_id: 12 },
  client: '10.12.0.7:50412',
  certificate: 'sha256:cc',
  database: 'ent',
  application: 'psql',
  command: 'SELECT',
  fingerprint: '3b9b2a41d098c92e',
  statement: 'SELECT ine FROM students WHERE id = $1',
  tables: ['public.students'],
  columns: ['public.students.ine'],
  effect: 'refuse',
  reason: 'column-withheld',
  rule: 'roles/teacher.yaml:7',
  sqlstate: '42501',
  policy: 'sha256:aa',
  hash: 'x',
};
const { time, guard } = decision;
const outcome: Fields = {
  time,
  kind: 'outcome',
  guard,
  seq: 4712,
  id: '01JD',
  principal: 'college_12_app',
  rows: 12,
  bytes: 840,
  changed: 0,
  ms: 1.9,
  status: 'ok',
  subjects: { student: { n: 12, unnamed: 0 } },
};
const shared = { time, guard, seq: 9, principal: 'vendor', role: 'app', by: 'ada', reason: 'asked for' };
const permit = { id: 'p1', tables: ['public.students'], rows: 10, requested_by: 'ada', approved_by: ['bob'] };
const limit = { name: 'rows 2000 per hour', used: 1, of: 2 };

/** One record of each kind that a guard writes. */
const RECORDS: readonly Fields[] = [
  decision,
  ...['allow', 'rewrite', 'throttle', 'lock', 'unheard-of'].map((effect) => ({ ...decision, effect })),
  { ...decision, effect: 'allow', would: 'refuse' },
  ...['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE TABLE', 'COPY', 'BEGIN', 'FETCH', 'SET'].map((command) => ({
    ...decision,
    command,
    tables: [],
  })),
  { ...decision, statement: undefined, client: 'local', user: undefined, application: '', tables: ['a', 'b'] },
  { ...decision, client: '[2001:db8::1]:5', seq: 2 ** 31 },
  ...['ok', 'refused', 'error', 'cut', 'cancelled', 'skipped', 'lost'].map((status) => ({ ...outcome, status })),
  { ...outcome, status: 'cut', sqlstate: '53400', reason: 'limit-rows', limit },
  { time, kind: 'seen', guard, seq: 1, id: '01JD', principal: 'p', subjects: { student: { ids: ['k3:9fA'] } } },
  { ...decision, kind: 'login', effect: undefined },
  {
    time,
    kind: 'login-refused',
    guard,
    seq: 1,
    principal: 'x',
    client: '127.0.0.1:5',
    reason: 'password',
    sqlstate: '28P01',
  },
  { time, kind: 'login-refused', guard, seq: 1, client: 'local', reason: 'startup', sqlstate: '08P01' },
  ...['10.12.0.7', '2001:db8:0:1::/64', undefined].map((client) => ({
    ...{ time, kind: 'login-refused', guard, seq: 1, client, reason: 'protocol', sqlstate: '08P01' },
    ...{ count: 812, since: '2026-11-25T08:59:00.000Z' },
  })),
  { time, kind: 'policy', guard, seq: 1, from: 'sha256:a', to: 'sha256:b', by: 'root', via: 'signal' },
  { time, kind: 'policy', guard, seq: 1, to: 'sha256:b', by: 'root', via: 'file', problems: ['roles/a.yaml:1:1: x'] },
  { ...shared, kind: 'warning', limit, message: 'a lock is near' },
  { ...shared, kind: 'lock', until: time },
  { ...shared, kind: 'lock', status: 'failed', by: 'rowgate', canary: { subject: 'student', hash: 'h' } },
  { ...shared, kind: 'release' },
  { ...shared, kind: 'raise', limit, until: time },
  ...['requested', 'approved', 'revoked', 'spent', 'failed'].map((status) => ({
    ...shared,
    kind: 'permit',
    permit,
    status,
  })),
  ...['requested', 'approved', 'in-force', 'failed'].map((status) => ({
    ...shared,
    kind: 'raise',
    limit,
    until: time,
    status,
    raise: { id: 'r1', requested_by: 'ada', approved_by: [{ name: 'bob', key: 'SHA256:x' }] },
  })),
  ...['requested', 'approved', 'opened', 'used', 'closed', 'over', 'failed'].map((status) => ({
    ...shared,
    kind: 'break-glass',
    status,
    break_glass: {
      id: 'o1',
      used_by: 'eve',
      requested_by: 'ada',
      until: time,
      approved_by: [{ name: 'bob', key: 'SHA256:x' }],
    },
  })),
  { ...shared, kind: 'canary', effect: 'lock', canary: { subject: 'student', hash: 'h' }, id: '01JD' },
  { ...shared, kind: 'canary', effect: 'allow', canary: { subject: 'student', hash: 'h' }, id: '01JD' },
  { time, kind: 'usage', guard, seq: 1, principal: 'p', role: 'r', limits: [limit] },
  { time, kind: 'alarms-lost', guard, seq: 1, message: '3 alarms' },
  { time, kind: 'drain', guard, seq: 1, by: 'root', via: 'control' },
  { time, kind: 'start', guard, seq: 1, version: '0.1.0', configuration: 'sha256:x' },
  { time, kind: 'stop', guard, seq: 1, version: '0.1.0' },
  { time, kind: 'segment', guard, seq: 1, chain: 'c', format: 1, sealed_by: 'k' },
  {
    time,
    kind: 'seal',
    guard,
    seq: 2,
    chain: 'c',
    seal: 1,
    of: { seq: 1, hash: 'h' },
    at: time,
    key: 'k',
    signature: 's',
  },
  { time, kind: 'retention', guard, seq: 3, file: 'decisions.000000000001.jsonl', first: 1, last: 2, head: 'h' },
  { time, kind: 'of-a-later-version', guard, seq: 3 },
].map((record) => JSON.parse(JSON.stringify(record)) as Fields);

const event = (record: Fields, about?: Fields) =>
  JSON.parse(JSON.stringify(ocsfEvent(record, about, '0.1.0'))) as Fields;

describe('a record as an event of OCSF', () => {
  it.each(RECORDS.map((record) => [`${record.kind} ${record.effect ?? record.status ?? ''}`, record] as const))(
    '%s is valid',
    (_, record) => {
      expect(violations(event(record))).toEqual([]);
      expect(violations(event(record, record.kind === 'outcome' ? decision : undefined))).toEqual([]);
    },
  );

  it('is valid whichever fields it has', () => {
    const some = fc
      .constantFrom(...RECORDS)
      .chain((record) =>
        fc
          .subarray(Object.keys(record))
          .map((left) =>
            Object.fromEntries(
              Object.entries(record).filter(
                ([name]) => ['time', 'kind', 'guard', 'seq'].includes(name) || left.includes(name),
              ),
            ),
          ),
      );
    fc.assert(
      fc.property(some, fc.boolean(), (record, joined) => {
        expect(violations(event(record, joined ? decision : undefined))).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('says of a refused statement which principal sent it from where, and which rule decided', () => {
    expect(event(decision)).toMatchObject({
      class_uid: 6005,
      type_uid: 600504,
      activity_name: 'Query',
      time: Date.UTC(2026, 10, 25, 9),
      severity: 'Medium',
      status: 'Failure',
      status_code: '42501',
      status_detail: 'column-withheld',
      action: 'Denied',
      disposition: 'Blocked',
      is_alert: true,
      actor: {
        user: { name: 'college_12_app', uid: '7731', groups: [{ name: 'teacher' }] },
        session: { uid: '01JS' },
        app_name: 'psql',
      },
      src_endpoint: { ip: '10.12.0.7', port: 50412 },
      database: { name: 'ent' },
      table: { name: 'public.students' },
      query_info: { query_string: 'SELECT ine FROM students WHERE id = $1', uid: '3b9b2a41d098c92e' },
      policy: { uid: 'sha256:aa' },
      metadata: { uid: 'g1/2 4711', sequence: 4711, correlation_uid: '01JD', profiles: ['security_control'] },
      unmapped: {
        rule: 'roles/teacher.yaml:7',
        columns: ['public.students.ine'],
        attributes: { school_id: 12 },
        seq: 4711,
        hash: 'x',
      },
    });
  });

  it('says of an outcome what it was the outcome of', () => {
    expect(event(outcome, decision)).toMatchObject({
      type_uid: 600504,
      status: 'Success',
      duration: 2,
      actor: { user: { name: 'college_12_app', groups: [{ name: 'teacher' }] } },
      src_endpoint: { ip: '10.12.0.7' },
      query_info: { bytes: 840 },
      metadata: { correlation_uid: '01JD' },
      unmapped: { rows: 12, changed: 0, subjects: { student: { n: 12 } } },
    });
  });

  it.each(RECORDS)('loses no field: $kind', (record) => {
    const text = JSON.stringify(event(record));
    for (const value of Object.values(record)) {
      if (typeof value === 'string' && value !== '' && value !== 'local')
        expect(text).toContain(value.replace(/^\[?(.*?)\]?:[0-9]+$/, '$1'));
    }
  });
});

describe('the facts', () => {
  it.each<[string, (event: Fields) => void]>([
    ['is required', (e) => delete e.actor],
    ['is not in the schema', (e) => (e.principal = 'x')],
    ['type_uid is', (e) => (e.type_uid = 600599)],
    ['cannot be 7', (e) => (e.severity_id = 7)],
    ['is Medium, not High', (e) => (e.severity = 'High')],
    ['is no ip', (e) => (e.src_endpoint = { ip: 'a host' })],
    ['has none of', (e) => delete (e.database as Fields).name],
    ['is no integer', (e) => ((e.metadata as Fields).sequence = 2 ** 31)],
    ['disposition_id is not in the schema', (e) => ((e.metadata as Fields).profiles = [])],
  ])('tell what %s', (expected, harm) => {
    const harmed = event(decision);
    harm(harmed);
    expect(violations(harmed).join('\n')).toContain(expected);
  });
});

it('a record of many refused logins says how many, since when and from where', () => {
  const counted = RECORDS.find(({ count, client }) => count !== undefined && client !== undefined) ?? {};
  expect(event(counted)).toMatchObject({
    message: 'login refused 812 times: protocol',
    count: 812,
    start_time: Date.UTC(2026, 10, 25, 8, 59),
    end_time: Date.UTC(2026, 10, 25, 9),
    src_endpoint: { ip: '10.12.0.7' },
  });
  expect(ecsEvent(counted, undefined)).toMatchObject({
    event: { action: 'login-refused', outcome: 'failure', start: '2026-11-25T08:59:00.000Z', end: time },
    source: { address: '10.12.0.7', ip: '10.12.0.7' },
    rowgate: { count: 812 },
  });
});

it('a record as an event of ECS keeps all that has no place there', () => {
  expect(ecsEvent(decision, undefined)).toMatchObject({
    '@timestamp': time,
    ecs: { version: '8.11.0' },
    event: {
      kind: 'event',
      category: ['database'],
      type: ['access'],
      action: 'decision',
      outcome: 'failure',
      sequence: 4711,
      reason: 'column-withheld',
    },
    user: { name: 'college_12_app', id: '7731', roles: ['teacher'] },
    source: { ip: '10.12.0.7', port: 50412 },
    rowgate: { id: '01JD', statement: decision.statement, rule: 'roles/teacher.yaml:7' },
  });
  expect(ecsEvent(outcome, decision)).toMatchObject({
    event: { outcome: 'success', duration: 1_900_000 },
    user: { roles: ['teacher'] },
    source: { ip: '10.12.0.7' },
    rowgate: { rows: 12 },
  });
});
