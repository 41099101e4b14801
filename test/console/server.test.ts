/** The console beside a real guard with real traffic: what each page is told, for those who may, and nothing for others. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES, type RouteName } from '../../src/console/api/routes.ts';
import { Coming } from '../../src/console/stream.ts';
import { type Operated, operate } from '../control/served.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { newSigner } from '../support/ssh-signer.ts';
import { consoleOf, type Json, type TestConsole, Visitor } from './visitor.ts';

const ALLOWED = 'SELECT id, first_name FROM students WHERE id < 12';
const WITHHELD = 'SELECT ine FROM students';

/** What would run, or break out, wherever a page put it as it is. */
const PAYLOADS = [
  '<script>alert(1)</script>',
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '"><iframe srcdoc="<script>alert(1)</script>">',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  `\${alert(1)}`,
  '<!--<style>*{display:none}</style>',
  '</textarea><plaintext>',
  '%3Cscript%3Ealert(1)%3C/script%3E',
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '\u202eevil\u2066\u2069',
  '\u2028alert(1)\u2029',
  'data: x\n\nevent: now\ndata: {}\n\n',
  'a\r\nset-cookie: x=1',
  '\u200b\ufeff\u0007\u001b[2J',
  '=HYPERLINK("http://evil.example")',
  '__proto__',
];
/** The ways in which a text comes into a statement. */
const PLACES: readonly ((text: string) => string)[] = [
  (text) => `SELECT '${text.replaceAll("'", "''")}' AS a FROM classes LIMIT 1`,
  (text) => `SELECT id AS "${text.replaceAll('"', '""').slice(0, 60)}" FROM classes LIMIT 1`,
  (text) => `SELECT id /* ${text.replaceAll('*/', '')} */ FROM classes LIMIT 1`,
  (text) => `SELECT "${text.replaceAll('"', '""')}" FROM students`,
  (text) => `SELECT 1 FROM "${text.replaceAll('"', '""')}"`,
  (text) => `SELECT 1 FROM classes WHERE name = '${text.replaceAll("'", "''")}'`,
  (text) => `SELECT upper('${text.replaceAll("'", "''")}')`,
  (text) => `-- ${text.replaceAll(/[\r\n]/g, ' ')}\nSELECT id FROM classes LIMIT 1`,
  (text) => `${text}; SELECT 1`,
  (text) => `SELECT '${text.replaceAll("'", "''")}'::int`,
];
const HOSTILE = PLACES.flatMap((place) => PAYLOADS.map(place));

let database: FreshDatabase;
let folder: string;
let guard: Operated;
let console: TestConsole;
let viewer: Visitor;
let auditor: Visitor;
let operator: Visitor;
let refused = '';
/** Its page. */
let known: Json;
const [zoe, jean] = [newSigner('zoe'), newSigner('jean')];

async function traffic(): Promise<void> {
  const client = await guard.connect('vendor');
  await client.query(ALLOWED);
  const error = await client.query(WITHHELD).catch((error: { detail?: string }) => error);
  refused = /Decision (\w+)/.exec((error as { detail?: string }).detail ?? '')?.[1] ?? '';
  for (const sql of HOSTILE) await client.query(sql).catch(() => {});
  await client.end();
}

beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-console-'));
  const key = join(folder, 'subjects.key');
  await writeFile(key, `k1 ${'A'.repeat(43)}\n`, { mode: 0o600 });
  guard = await operate(
    database,
    `listen: 127.0.0.1:0
time_zone: Europe/Paris
log: { text: full }
keys: { subjects: "${key}" }
console: { listen: "127.0.0.1:0" }`,
  );
  await guard.policy('approvers.yaml', `approvers:\n  zoe: { key: "${zoe.line}" }\n  jean: { key: "${jean.line}" }\n`);
  await guard.policy('vendor.test.yaml', `as: vendor\ntests:\n  - { name: names, sql: "${ALLOWED}", effect: pass }\n`);
  await guard.done('reload');
  console = await consoleOf(join(guard.folder, 'rowgate.yaml'));
  viewer = await console.visitor('viewer');
  auditor = await console.visitor('auditor');
  operator = await console.visitor('operator', 'd.aune');
  await traffic();
  await eventually(async () => (await viewer.get('/api/now')).body.rates.steps.flat().length > 0, 'traffic shows');
});

afterAll(async () => {
  await console?.stop();
  await guard?.stop();
  await rm(folder, { recursive: true, force: true });
  await database?.drop();
});

/** What `rowgate … --json` says. */
async function said(...words: string[]): Promise<Json> {
  return JSON.parse((await guard.rowgate([...words, '--json'])).stdout);
}

describe('the pages', () => {
  it('now: the guard, its rates by role, and its limits, nearest first', async () => {
    const records = Object.values(await guard.records()).flat();
    const decided = records.filter(({ kind }) => kind === 'decision');
    const sums = (body: Json, name: string): number =>
      body.rates.steps.flat().reduce((all: number, rate: Record<string, number>) => all + rate[name]!, 0);
    let body: Json;
    let subjects: Json;
    // Limits are asked for each ten seconds, and what was taken ahead is given back a moment after a statement has ended.
    await eventually(async () => {
      ({ body } = await viewer.get('/api/now'));
      const { limits } = await guard.done<Json>('limits.show', { principal: 'vendor' });
      [subjects] = limits.filter(({ name }: { name: string }) => name.startsWith('subjects.'));
      return sums(body, 'statements') === decided.length && body.nearest[0]?.used === subjects.used;
    }, 'all decisions and people are counted');
    expect(body.guards).toMatchObject([{ name: 'test', now: { ok: true, value: { locks: [] } }, log: { ok: true } }]);
    expect(sums(body, 'refused')).toBe(decided.filter(({ effect }) => effect === 'refuse').length);
    expect(body.nearest).toEqual([
      { guard: 'test', principal: 'vendor', name: subjects.name, used: subjects.used, of: subjects.of },
    ]);
  });

  it('a decision: with its line, what to grant, and its neighbours', async () => {
    const { body } = await viewer.get(`/api/decisions/${refused}`);
    known = body;
    expect(body.decision).toMatchObject({
      id: refused,
      statement: WITHHELD,
      effect: 'refuse',
      reason: 'column-withheld',
    });
    expect(body.explained).toMatchObject({
      ok: true,
      value: { same: true, sql: null, advice: { text: expect.stringContaining('ine') } },
    });
    const { lines, line, first } = body.rule.value;
    expect(lines[line - first]).toContain('students:');
    const ids = body.neighbours.map(({ id }: { id: string }) => id);
    expect(ids.indexOf(refused)).toBe(1);
    expect(ids).toHaveLength(12);
  });

  it('a decision that is no longer in memory is found in the log, with the same neighbours', async () => {
    const later = await consoleOf(join(guard.folder, 'rowgate.yaml'));
    try {
      const visitor = await later.visitor('viewer');
      const found = await visitor.get(`/api/decisions/${refused}`);
      expect(found.body.decision).toEqual(known.decision);
      expect(found.body.neighbours).toEqual(known.neighbours);
    } finally {
      await later.stop();
    }
  });

  it('decisions: found by what they have in common', async () => {
    const { body } = await viewer.post('/api/decisions', { reason: 'column-withheld', principal: 'vendor', limit: 5 });
    expect(body.decisions.length).toBeGreaterThan(0);
    for (const decision of body.decisions) expect(decision).toMatchObject({ reason: 'column-withheld' });
    const misspelt = await viewer.post('/api/decisions', { principal: 'vendro' });
    expect(misspelt).toMatchObject({ status: 409, body: { error: { message: expect.stringContaining('"vendro"') } } });
  });

  it('principals and one of them: what it may, what it used, and what it did', async () => {
    const list = (await viewer.get('/api/principals')).body;
    expect(list.principals).toEqual([{ name: 'vendor', role: 'vendor', mode: 'enforce' }]);
    expect(list.done.value).toMatchObject([{ principal: 'vendor' }]);
    const page = (await viewer.get('/api/principals/vendor')).body;
    expect(page.limits[0].limits.value.limits).toEqual(
      (await guard.done<Json>('limits.show', { principal: 'vendor' })).limits,
    );
    const access = (await viewer.get('/api/principals/vendor/access')).body;
    const students = access.tables.find(({ table }: { table: string }) => table === 'public.students');
    const column = (name: string) => students.columns.find((one: { name: string }) => one.name === name);
    expect(students.rows).toEqual([expect.stringContaining('school_id = 1')]);
    expect(column('ine')).toMatchObject({ form: 'withheld', used: 0 });
    expect(column('first_name')).toMatchObject({ form: 'plain', used: 1 });
    const history = (await viewer.get('/api/principals/vendor/history?days=2')).body;
    const { body: breach } = await auditor.post('/api/breach', { principal: 'vendor', since: '2d' });
    expect(history.statements).toBe(breach.totals.statements);
    expect(history.people).toMatchObject([
      { subject: 'student', named: [{ people: breach.people[0].named[0].people }] },
    ]);
    const withheld = history.refusals.find(({ reason }: { reason: string }) => reason === 'column-withheld');
    expect(withheld.example).toMatchObject({
      id: expect.stringMatching(/^01/),
      rule: expect.stringContaining('vendor.yaml'),
    });
  });

  it('a principal that never was is not there', async () => {
    const gone = await viewer.get('/api/principals/never-was');
    expect(gone).toMatchObject({ status: 404, body: { error: { code: 'unknown' } } });
  });

  it('a person: certainly, perhaps, cannot be told, as the command says it', async () => {
    const { body } = await auditor.post('/api/person', { subject: 'student', key: '7' });
    expect(body.certainly).toMatchObject([{ what: 'shown', statement: expect.stringContaining('first_name') }]);
    expect(body.certainly[0]).not.toHaveProperty('principal');
    const named = await auditor.post('/api/person', { subject: 'student', key: '7', withNames: true });
    expect(named.body.certainly).toMatchObject([{ principal: 'vendor' }]);
    const report = await auditor.post('/api/person/report', { subject: 'student', key: '7', language: 'fr' });
    expect(report.text).toContain('<html lang="fr">');
    expect(report.headers['content-disposition']).toContain('attachment');
  });

  it('policies: who sees what, their history, and what is wrong', async () => {
    const { roles, tables } = (await viewer.get('/api/policies')).body;
    expect(tables).toContain('public.students');
    expect(roles).toMatchObject([
      { name: 'vendor', principals: 1, sees: { 'public.students': { form: 'some-columns', filtered: true } } },
    ]);
    const { changes } = (await viewer.get('/api/policies/history')).body;
    expect(changes.length).toBeGreaterThan(1);
    const diff = await viewer.post('/api/policies/diff', { from: changes.at(-1).to });
    expect(diff.body.notCompared.length).toBeGreaterThan(0);
    const check = (await viewer.get('/api/policies/check')).body;
    expect(check).toMatchObject({ roles: 1, principals: 1 });
  });

  it('policies that are tried out: check, test, replay and diff, and nothing is applied', async () => {
    const { files } = (await auditor.get('/api/policies/files')).body;
    expect(JSON.stringify(files)).not.toContain('SCRAM-SHA-256');
    const role = files.find(({ path }: { path: string }) => path === 'roles/vendor.yaml');
    const text = role.text.replace('id, first_name, class_id', 'id, class_id, ine');
    const { body } = await auditor.post('/api/policies/try', {
      files: [{ path: role.path, text }],
      do: ['check', 'test', 'replay'],
    });
    expect(body.check.value.diagnostics.filter(({ severity }: { severity: string }) => severity === 'error')).toEqual(
      [],
    );
    expect(body.test.value).toMatchObject({ tests: 1, failed: 1 });
    expect(body.replay.value.refused).toBeGreaterThan(0);
    expect((await auditor.get('/api/policies/files')).body.files).toEqual(files);
    const broken = await auditor.post('/api/policies/try', {
      files: [{ path: role.path, text: 'role: [' }],
      do: ['check'],
    });
    expect(broken.body.check.value.diagnostics).toContainEqual(
      expect.objectContaining({ file: 'roles/vendor.yaml', severity: 'error' }),
    );
    for (const path of ['../rowgate.yaml', '/etc/x.yaml', 'a/../../b.yaml', '.git/x.yaml'])
      expect((await auditor.post('/api/policies/try', { files: [{ path, text: '' }], do: ['check'] })).status).toBe(
        400,
      );
  });

  it('a breach: the scope, and the document with its verification', async () => {
    const asked = { principal: 'vendor', since: '2h' };
    const { body } = await auditor.post('/api/breach', asked);
    const command = await said('log', 'report', 'breach', '--principal', 'vendor', '--since', '2h');
    expect(body.totals).toEqual(command.totals);
    expect(body.tables).toEqual(command.tables);
    const html = await auditor.post('/api/breach/report', {
      ...asked,
      format: 'html',
      author: 'D. Aune',
      case: '2026-17',
    });
    expect(html.text).toContain('2026-17');
  });

  it('the chain of the log, when it is verified', async () => {
    expect((await viewer.get('/api/logs')).body).toEqual({ logs: [{ guard: 'test' }] });
    const { logs } = (await auditor.post('/api/logs/verify')).body;
    expect(logs).toMatchObject([{ guard: 'test', verification: { ok: true, value: { sound: true, findings: [] } } }]);
    expect((await viewer.get('/api/logs')).body.logs).toEqual(logs);
  });
});

describe('the live page', () => {
  it('tells of decisions as they come, and only of those that are asked for', async () => {
    const wanted = viewer.events('/api/now/stream?effect=refuse', (events) =>
      events.some(({ event }) => event === 'decisions'),
    );
    const client = await guard.connect('vendor');
    let ended = false;
    void wanted.finally(() => {
      ended = true;
    });
    while (!ended) {
      await client.query(ALLOWED);
      await client.query(WITHHELD).catch(() => {});
    }
    const events = await wanted;
    expect(events[0]).toMatchObject({ event: 'now', data: { guards: [{ name: 'test' }] } });
    for (const { data } of events.filter(({ event }) => event === 'decisions'))
      for (const decision of data.decisions) expect(decision.effect).toBe('refuse');
    await client.end();
  });

  it('counts what comes faster than it shows', () => {
    const coming = new Coming({});
    const decision = (id: number) => ({ id: String(id), time: '', guard: '', principal: 'p', effect: 'allow' });
    for (let id = 0; id < 10_000; id++) coming.add(decision(id));
    const event = coming.take((id) => decision(Number(id)));
    expect(event?.decisions.map(({ id }) => Number(id))).toEqual(Array.from({ length: 100 }, (_, i) => 9_900 + i));
    expect(event?.dropped).toBe(9_900);
    expect(coming.take(() => undefined)).toBeUndefined();
  });
});

describe('hostile statements', () => {
  it('come back as the data that they are', async () => {
    const answer = await viewer.post('/api/decisions', { principal: 'vendor', limit: 1000 });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
    const shown = new Set(answer.body.decisions.map(({ statement }: { statement: string }) => statement));
    expect(HOSTILE).toHaveLength(200);
    expect(HOSTILE.filter((sql) => !shown.has(sql))).toEqual([]);
  });

  it('begin no event and no header of their own', async () => {
    const client = await guard.connect('vendor');
    const events = viewer.events(
      '/api/now/stream',
      (all) => all.filter(({ event }) => event === 'decisions').length > 1,
    );
    let ended = false;
    void events.finally(() => {
      ended = true;
    });
    while (!ended) for (const sql of HOSTILE.slice(12, 17)) await client.query(sql).catch(() => {});
    for (const { event } of await events) expect(['now', 'decisions']).toContain(event);
    await client.end();
  });
});

describe('acting', () => {
  const lock = { guard: 'test', principal: 'vendor', reason: 'a drill' };
  const by = `d.aune (as ${userInfo().username})`;

  it('an operator locks and releases, and the decision log names the person', async () => {
    expect((await operator.post('/api/act/lock', { ...lock, forMinutes: 5 })).status).toBe(200);
    expect((await viewer.get('/api/principals/vendor')).body.locks).toMatchObject([{ principal: 'vendor', by }]);
    expect((await viewer.get('/api/now')).body.guards[0].now.value.locks).toHaveLength(1);
    expect(await operator.post('/api/act/lock', { ...lock, forMinutes: 1 })).toMatchObject({ status: 409 });
    expect((await operator.post('/api/act/release', lock)).status).toBe(200);
    expect(await guard.recorded('lock')).toMatchObject([{ by, reason: 'a drill' }]);
    expect(await guard.recorded('release')).toMatchObject([{ by }]);
  });

  it('carries signatures to the guard, which judges them, and ends requests', async () => {
    const given = { principal: 'vendor', tables: ['students'], rows: 50, forMs: 3_600_000, reason: 'the yearly count' };
    const { permit } = await guard.done<{ permit: { id: string; text: string } }>('permit.request', given, 'ines');
    const approve = (signer: typeof zoe, text = permit.text) =>
      operator.post('/api/act/approve', {
        guard: 'test',
        what: 'permit',
        id: permit.id,
        signature: signer.sign(text, 'rowgate-permit'),
      });
    expect(await approve(newSigner('zoe'))).toMatchObject({ status: 409 });
    expect(await approve(zoe, `${permit.text} `)).toMatchObject({ status: 409 });
    expect(await approve(zoe)).toMatchObject({ status: 200, body: { result: { needed: 1 } } });
    expect(await approve(jean)).toMatchObject({ status: 200, body: { result: { permit: { state: 'in force' } } } });
    const { commands } = (await viewer.get(`/api/act/commands?guard=test&what=permit&id=${permit.id}`)).body;
    expect(commands[0]).toContain('-n rowgate-permit');
    const refuse = { guard: 'test', what: 'permit', id: permit.id, reason: 'done' };
    expect((await operator.post('/api/act/refuse', refuse)).status).toBe(200);
    expect((await guard.recorded('permit')).at(-1)).toMatchObject({ status: 'revoked', by });
    expect(await operator.post('/api/act/refuse', { ...refuse, guard: 'other' })).toMatchObject({ status: 404 });
  });
});

describe('who may not', () => {
  const names = Object.keys(ROUTES) as RouteName[];
  const pathOf = (name: RouteName) => ROUTES[name].path.replace(':id', refused).replace(':name', 'vendor');

  it.each(names.filter((name) => ROUTES[name].role !== 'none'))('is refused without a session: %s', async (name) => {
    const stranger = new Visitor(console.url);
    const { method } = ROUTES[name];
    const answer = await (method === 'GET' ? stranger.get(pathOf(name)) : stranger.post(pathOf(name)));
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'signed-out' } } });
  });

  it.each(names.filter((name) => ROUTES[name].role === 'operator'))('no viewer and no auditor: %s', async (name) => {
    for (const visitor of [viewer, auditor]) {
      const answer = await visitor.post(pathOf(name), { guard: 'test', principal: 'vendor', reason: 'x' });
      expect(answer).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
    }
  });

  it.each(names.filter((name) => ROUTES[name].role === 'auditor'))('no viewer: %s', async (name) => {
    const { method } = ROUTES[name];
    const answer = await (method === 'GET' ? viewer.get(pathOf(name)) : viewer.post(pathOf(name)));
    expect(answer.status).toBe(403);
  });

  it.each(names.filter((name) => ROUTES[name].method === 'POST'))(
    'no request without the token of the session: %s',
    async (name) => {
      for (const csrf of ['', viewer.csrf]) {
        const headers = { 'content-type': 'application/json', ...(csrf !== '' && { 'x-rowgate-csrf': csrf }) };
        const answer = await operator.raw('POST', pathOf(name), headers, '{}');
        expect(answer).toMatchObject({ status: 403, body: { error: { code: 'forbidden' } } });
      }
    },
  );

  it('every route that changes something is a POST', () => {
    expect(names.filter((name) => ROUTES[name].path.startsWith('/api/act/') && ROUTES[name].method === 'GET')).toEqual([
      'signCommands',
    ]);
  });
});

it('names of people stand in no address and not in the log of the console', async () => {
  await auditor.post('/api/person', { subject: 'student', key: 'Zo\u00eb-the-pupil' });
  await viewer.post('/api/decisions', { text: 'Zo\u00eb-the-pupil' });
  await viewer.get('/api/decisions/Zo%C3%AB-the-pupil');
  expect(console.logged.join('\n')).toContain('/api/person');
  expect(console.logged.join('\n')).not.toMatch(/the-pupil/);
  for (const { path, method } of Object.values(ROUTES)) if (path.includes('person')) expect(method).toBe('POST');
});

it('a principal that no longer exists is told of by the log alone', async () => {
  await guard.policy('principals.yaml', 'principals: {}\n');
  const gone = async () => (await viewer.get('/api/principals/vendor')).body;
  await eventually(async () => (await gone()).role === undefined, 'the policies are read again');
  expect(await gone()).toMatchObject({ name: 'vendor', limits: [{ guard: 'test' }] });
  expect((await viewer.get('/api/principals/vendor/access')).status).toBe(404);
  expect((await viewer.get('/api/principals/vendor/history?days=2')).body.statements).toBeGreaterThan(200);
});
