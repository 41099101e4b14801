/** Tests /metrics of a running guard: which figures change, and that no label holds a name or value from a client. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/operations/admin/metrics.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { ask, type Family, figure, readMetrics } from './support.ts';

let database: FreshDatabase;
let folder: string;
let policies: string;
let guard: TestGuard;

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-admin-'));
  policies = join(folder, 'policies');
  await samplesWithoutBudgets(policies);
  guard = await guardInFrontOf(database, { policies, configuration: 'admin: 127.0.0.1:0' });
});

afterAll(async () => {
  await guard?.stop();
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

const scrape = async (): Promise<Family[]> => readMetrics((await ask(guard.adminPort, '/metrics')).body);

/** Asks again until the figure is there: the event behind it may still be under way. */
async function settled(read: (families: Family[]) => unknown, expected: unknown): Promise<Family[]> {
  let families = await scrape();
  for (let tries = 0; tries < 100 && read(families) !== expected; tries++) {
    await new Promise((done) => setTimeout(done, 50));
    families = await scrape();
  }
  expect(read(families)).toBe(expected);
  return families;
}

test('a guard that runs is well and ready', async () => {
  expect(await ask(guard.adminPort, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  expect(await ask(guard.adminPort, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
});

test('the work of sessions shows in the figures', async () => {
  const teacher = await guard.connect('teacher');
  const before = await scrape();
  const role = 'teacher';
  const delta = (families: Family[], name: string, labels = {}): number =>
    (figure(families, name, { role, ...labels }) ?? 0) - (figure(before, name, { role, ...labels }) ?? 0);
  const { rows } = await teacher.query('SELECT id FROM students WHERE id < $1', [20]);
  await teacher.query('SELECT id FROM students WHERE id < $1', [20]);
  await teacher.query('SELECT ine FROM students').catch(() => {});
  await teacher.query('BEGIN');
  const after = await settled(
    (families) => figure(families, 'rowgate_sessions', { role, activity: 'in-transaction' }),
    1,
  );
  expect(rows.length).toBeGreaterThan(0);
  expect(delta(after, 'rowgate_rows_total')).toBe(2 * rows.length);
  expect(delta(after, 'rowgate_bytes_total')).toBeGreaterThan(rows.length);
  expect(delta(after, 'rowgate_statements_total', { effect: 'rewrite', reason: '' })).toBe(2);
  expect(delta(after, 'rowgate_statements_total', { effect: 'refuse', reason: 'column-withheld' })).toBe(1);
  expect(delta(after, 'rowgate_outcomes_total', { status: 'refused' })).toBe(1);
  expect(delta(after, 'rowgate_server_seconds_count')).toBe(3);
  expect(figure(after, 'rowgate_decision_seconds_count', { remembered: 'yes' })).toBeGreaterThan(0);
  expect(figure(after, 'rowgate_logins_total', { role })).toBe(1);
  await teacher.end();
  await settled((families) => figure(families, 'rowgate_sessions', { role }), 0);
});

test('a statement that runs into its limit', async () => {
  const client = await guard.connect('teacher');
  const limit = (
    parse(await readFile(join(policies, 'roles/teacher.yaml'), 'utf8')) as { limits: { rows_per_statement: number } }
  ).limits.rows_per_statement;
  await expect(client.query(`SELECT n FROM generate_series(1, ${limit + 1}) n`)).rejects.toThrow(/more than/);
  await settled((families) => figure(families, 'rowgate_limit_overruns_total', { limit: 'rows_per_statement' }), 1);
});

describe('strangers', () => {
  const NAME = 'unknown"\\\n{evil="1"}';

  test('a refused login is counted by its reason', async () => {
    const stranger = new pg.Client({ connectionString: guard.url('teacher', 'wrong') });
    await expect(stranger.connect()).rejects.toThrow(/password/);
    await settled((families) => figure(families, 'rowgate_login_failures_total', { reason: 'password' }), 1);
  });

  test('nothing that they send becomes a label', async () => {
    const place = { host: '127.0.0.1', port: guard.port, database: database.name };
    const stranger = new pg.Client({ ...place, user: NAME, password: NAME, application_name: NAME });
    await expect(stranger.connect()).rejects.toThrow(/password/);
    await settled((families) => figure(families, 'rowgate_login_failures_total', { reason: 'password' }), 2);
  });

  test('no label holds a principal, a table, a column, a statement or a value', async () => {
    const { body } = await ask(guard.adminPort, '/metrics');
    for (const word of ['evil', 'unknown', 'students', 'ine', 'SELECT', '127.0.0.1', 'canteen"', database.name]) {
      expect(body, word).not.toMatch(new RegExp(`="[^"]*\\b${word}`));
    }
  });
});

test('noise on the port is counted, though it is not recorded', async () => {
  const socket = connect(guard.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
  await new Promise((done) =>
    socket
      .on('error', () => {})
      .on('close', done)
      .resume(),
  );
  await settled((families) => figure(families, 'rowgate_turned_away_total', { reason: 'protocol' }), 1);
});

describe('policies', () => {
  const file = () => join(policies, 'roles', 'teacher.yaml');

  test('the one in force has its hash; an edit with errors shows, and leaves clients welcome', async () => {
    const [{ to } = { to: '' }] = (await guard.records()).filter(({ kind }) => kind === 'policy') as { to: string }[];
    expect(figure(await scrape(), 'rowgate_policy_info', { hash: to })).toBe(1);
    const text = await readFile(file(), 'utf8');
    await writeFile(file(), `${text}\nnonsense: true\n`);
    const broken = await settled((families) => figure(families, 'rowgate_policy_last_reading_ok'), 0);
    expect(figure(broken, 'rowgate_policy_info', { hash: to }), 'the earlier one stays').toBe(1);
    expect(await ask(guard.adminPort, '/readyz')).toMatchObject({ status: 200 });
    await writeFile(file(), text.replace(/^description: .*$/m, 'description: Another one.'));
    const mended = await settled((families) => figure(families, 'rowgate_policy_last_reading_ok'), 1);
    const infos = mended.find(({ name }) => name === 'rowgate_policy_info')?.samples ?? [];
    expect(infos).toHaveLength(1);
    expect(infos[0]?.labels.hash).not.toBe(to);
  });
});

test('every metric of the table is exposed as it says, and no other of that name', async () => {
  const families = await scrape();
  const ours = families.filter(({ name }) => name.startsWith('rowgate_'));
  expect(ours.map(({ name, type }) => ({ name, type }))).toEqual(METRICS.map(({ name, type }) => ({ name, type })));
  for (const [index, { name, labels }] of METRICS.entries()) {
    for (const sample of ours[index]?.samples ?? []) {
      expect(
        Object.keys(sample.labels)
          .filter((label) => label !== 'le')
          .sort(),
        name,
      ).toEqual([...labels].sort());
    }
  }
  for (const name of ['process_resident_memory_bytes', 'process_open_fds', 'nodejs_eventloop_lag_p99_seconds']) {
    expect(families.map((family) => family.name)).toContain(name);
  }
});

test('deploy/metrics.md has the same table', async () => {
  const text = await readFile('deploy/metrics.md', 'utf8');
  const rows = [...text.matchAll(/^\| `(rowgate_[a-z_]+)` \| (\w+) \| ([^|]*) \| .+ \|$/gm)];
  expect(rows.map(([, name, type, labels = '']) => ({ name, type, labels: labels.replace(/[` ]/g, '') }))).toEqual(
    METRICS.map(({ name, type, labels }) => ({ name, type, labels: labels.join(',') })),
  );
});

describe('shipped dashboards and alerts ask only for existing figures', () => {
  test.each(['deploy/grafana/rowgate.json', 'deploy/alerts.yml'])('%s', async (path) => {
    const families = await scrape();
    const labelsOf = new Map<string, Set<string>>();
    for (const { samples } of families) {
      for (const { name, labels } of samples) {
        labelsOf.set(name, new Set([...(labelsOf.get(name) ?? ['job', 'instance']), ...Object.keys(labels)]));
      }
    }
    labelsOf.set('up', new Set(['job', 'instance']));
    // No statement was observed, and no server failed: these have no series yet.
    for (const { name, labels } of METRICS) {
      if (!labelsOf.has(name)) labelsOf.set(name, new Set([...labels, 'job', 'instance']));
    }
    const found = expressions(parse(await readFile(path, 'utf8')));
    expect(found.length).toBeGreaterThan(10);
    for (const expression of found) {
      const { metrics, labels } = namesIn(expression);
      expect(metrics.length, expression).toBeGreaterThan(0);
      for (const metric of metrics) {
        expect([...labelsOf.keys()], expression).toContain(metric);
        for (const label of labels) expect([...(labelsOf.get(metric) ?? [])], expression).toContain(label);
      }
    }
  });

  test('a name that is not there would be found', () => {
    expect(namesIn('sum by (role) (rate(a_total{x="y z{",role=~"$role"}[$__rate_interval])) / b_total')).toEqual({
      metrics: ['a_total', 'b_total'],
      labels: ['role', 'x'],
    });
    expect(namesIn('label_values(a{job="$job"}, instance)')).toEqual({ metrics: ['a'], labels: ['instance', 'job'] });
  });
});

/** Every `expr` of panels and rules, and every `query` of the dashboard's variables. */
function expressions(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressions);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    (key === 'expr' || key === 'query') && typeof inner === 'string' && inner !== 'prometheus'
      ? [inner]
      : expressions(inner),
  );
}

/** For an expression without `on`, `ignoring`, `offset` and `without`, which nothing here needs. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const labels = new Set<string>();
  const rest = expression
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{([^}]*)\}/g, (_all, inner: string) => {
      for (const [, label = ''] of inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)) labels.add(label);
      return ' ';
    })
    .replace(/\bby\s*\(([^)]*)\)/g, (_all, inner: string) => {
      for (const label of inner.split(',')) labels.add(label.trim());
      return ' ';
    })
    .replace(/^label_values\(([^,]+),\s*(\w+)\)$/, (_all, metric: string, label: string) => {
      labels.add(label);
      return metric;
    })
    .replace(/\[[^\]]*\]/g, ' ');
  const words = rest.matchAll(/[a-zA-Z_:][\w:]*(?!\w|\s*\()/g);
  const metrics = [...words].map(([word]) => word).filter((word) => !/^(and|or|unless|bool)$/.test(word));
  labels.delete('le');
  return { metrics: [...new Set(metrics)].sort(), labels: [...labels].sort() };
}
