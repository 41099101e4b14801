/** Tests a table that is dropped, renamed or created again while the guard runs or starts, as by a nightly reload: what does not depend on it goes on. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { eventually } from '../proxy/support.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { VERIFIER } from '../support/password.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const REPORT = 'CREATE TABLE report (id int, town text, total int)';
/** A word that is in everything that no role may see. */
const HIDDEN = 'qzx';
const FILLED = `${REPORT}; INSERT INTO report VALUES (1, 'open', 10), (2, '${HIDDEN}', 20)`;
const SCHEMA = `${FILLED};
CREATE TABLE schools (id int, name text); INSERT INTO schools VALUES (1, 'a');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'`;

const role = (further = '') => `role: teacher
tables:
  schools: { select: { columns: [id, name] } }
  report: { rows: town <> '${HIDDEN}', select: { columns: [id, town, total] } }${further}
functions: [twice]
limits: none
`;

let database: FreshDatabase;
let guard: TestGuard;
let folder: string;
let lines: { level: number; msg: string }[] = [];

beforeAll(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-vanished-'));
  await mkdir(join(folder, 'roles'));
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals: { teacher: { role: teacher, password: "${VERIFIER}" } }\n`,
  );
});
afterEach(() => guard?.stop());
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

async function start(text = role()): Promise<void> {
  await writeFile(join(folder, 'roles', 'teacher.yaml'), text);
  lines = [];
  guard = await guardInFrontOf(database, {
    policies: folder,
    configuration: 'admin: 127.0.0.1:0',
    log: pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
  });
}

const seeded = (): Promise<unknown> =>
  database.query(`DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC; ${SCHEMA};
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC`);

const readyz = async (): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${guard.adminPort}/readyz`);
  return `${answer.status} ${await answer.text()}`;
};

const said = (client: pg.Client, sql: string): Promise<string> =>
  client.query(sql).then(
    ({ rows }) => JSON.stringify(rows),
    (error: Error) => error.message,
  );

const GONE = 'roles/teacher.yaml:4:3: error: relation "report" does not exist';
const errorsOf = (text: string) => lines.filter(({ level, msg }) => level === 50 && msg.startsWith(text)).length;

test('sessions, their other statements and what is prepared go on; the log and /readyz say what is withheld, until it is back', async () => {
  await seeded();
  await start();
  const client = await guard.connect('teacher');
  const prepared = { name: 'schools', text: 'SELECT id FROM schools WHERE id = $1', values: [1] };
  const onReport = { name: 'report', text: 'SELECT id, total FROM report ORDER BY id' };
  expect((await client.query(prepared)).rows).toEqual([{ id: 1 }]);
  expect((await client.query(onReport)).rows).toEqual([{ id: 1, total: 10 }]);

  await database.query('DROP TABLE report; DROP FUNCTION twice(int)');
  await eventually(() => errorsOf(GONE) > 0, 'the operators’ log names what is withheld');
  expect(await said(client, 'SELECT total FROM report')).toBe('relation "report" does not exist');
  expect((await client.query(prepared)).rows).toEqual([{ id: 1 }]);
  await expect(client.query(onReport)).rejects.toThrow(/does not exist/);
  expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');
  expect(await readyz()).toBe(
    "200 ready\nwithheld, see the operators' log: roles/teacher.yaml:4:3\nwithheld, see the operators' log: roles/teacher.yaml:5:13\n",
  );
  await (await guard.connect('teacher')).query('SELECT 1');

  await database.query('CREATE TABLE unrelated (id int)');
  await eventually(() => lines.filter(({ msg }) => msg === 'policy reloaded').length > 1, 'it is read once more');
  expect(errorsOf(GONE), 'said once').toBe(1);

  await database.query(`${FILLED}; CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1'`);
  await eventually(async () => (await readyz()) === '200 ready\n', 'it is back');
  expect(lines.map(({ msg }) => msg)).toContain(`no longer withheld: ${GONE}`);
  expect((await client.query(onReport)).rows).toEqual([{ id: 1, total: 10 }]);
  expect((await client.query(prepared)).rows).toEqual([{ id: 1 }]);
});

test('a table that appears withholds system catalogs from a role that held every table, and ends no session', async () => {
  await seeded();
  const holdsAll = `role: teacher
tables: { schools: { select: { columns: "*" } }, report: { select: { columns: "*" } } }
catalogs: [pg_stat_all_tables]
limits: none
`;
  await start(holdsAll);
  const client = await guard.connect('teacher');
  const counter = `SELECT count(n_live_tup)::int AS n FROM pg_stat_all_tables WHERE relname = 'schools'`;
  expect(await said(client, counter)).toBe('[{"n":1}]');
  await database.query('CREATE TABLE unrelated (id int)');
  await eventually(
    () => errorsOf('roles/teacher.yaml:3:11: error: system catalogs tell of rows') > 0,
    'they are withheld',
  );
  expect(await said(client, counter)).toBe('[{"n":0}]');
  expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');
  await (await guard.connect('teacher')).query('SELECT 1');
  await database.query('DROP TABLE unrelated');
  await eventually(async () => (await said(client, counter)) === '[{"n":1}]', 'they are back');
});

test('a schema whose tables are made anew stays on the path of sessions, also while it is not there', async () => {
  await seeded();
  const tenant =
    'CREATE SCHEMA tenant; CREATE TABLE tenant.marks AS SELECT 7 AS mark; GRANT USAGE ON SCHEMA tenant TO PUBLIC; GRANT SELECT ON tenant.marks TO PUBLIC';
  await database.query(tenant);
  await start(`role: teacher
tables: { schools: { select: { columns: [id, name] } }, tenant.marks: { select: { columns: [mark] } } }
limits: none
`);
  const client = await guard.connect('teacher');
  await client.query('SET search_path = tenant, public');
  expect(await said(client, 'SELECT mark FROM marks')).toBe('[{"mark":7}]');
  for (const [gone, back] of [
    [
      'DROP TABLE tenant.marks',
      'CREATE TABLE tenant.marks AS SELECT 7 AS mark; GRANT SELECT ON tenant.marks TO PUBLIC',
    ],
    ['DROP SCHEMA tenant CASCADE', tenant],
  ] as const) {
    await database.query(gone);
    // Until the guard has seen it, the server says so, of the name that was sent.
    const none = 'relation "marks" does not exist';
    await eventually(async () => (await said(client, 'SELECT mark FROM marks')) === none, 'it is seen');
    expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');
    await database.query(back);
    await eventually(async () => (await said(client, 'SELECT mark FROM marks')) === '[{"mark":7}]', 'it is back');
  }
  expect(await said(client, 'SHOW search_path')).toBe('[{"search_path":"tenant, public"}]');
  await database.query('DROP SCHEMA tenant CASCADE');
});

test('a guard starts while a table is not there, and takes up edits that do not name another', async () => {
  await seeded();
  await database.query('DROP TABLE report');
  await start();
  expect(errorsOf(GONE)).toBe(1);
  const client = await guard.connect('teacher');
  expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');

  const edit = (further: string) => writeFile(join(folder, 'roles', 'teacher.yaml'), role(further));
  await edit('\n  school: { select: { columns: [id] } }');
  const turnedDown = await guard.reload();
  expect(turnedDown.policy).toMatchObject({
    kind: 'kept',
    errors: [expect.stringMatching(/roles\/teacher.yaml:5:3: error: relation "school" does not exist, did you mean/)],
  });
  await edit('\n# of the same tables');
  // The watcher of the files may have taken it up before.
  const taken = await guard.reload();
  expect(taken.policy).not.toMatchObject({ kind: 'kept' });
  expect(taken.inForce).not.toBe(turnedDown.inForce);
  expect(await readyz()).toBe("200 ready\nwithheld, see the operators' log: roles/teacher.yaml:4:3\n");
  expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');
});

const SWAPS: readonly (readonly string[])[] = [
  // The dance of a reload, at once and with gaps.
  [`BEGIN; ALTER TABLE report RENAME TO was; ${FILLED}; COMMIT`, 'DROP TABLE was'],
  ['ALTER TABLE report RENAME TO was', FILLED, 'DROP TABLE was'],
  ['DROP TABLE report', FILLED],
  // Other shapes of the same name, in the same moment.
  [
    `BEGIN; DROP TABLE report; CREATE TABLE report (secret text, total int, town text, id int);
     INSERT INTO report VALUES ('${HIDDEN}', 10, 'open', 1), ('${HIDDEN}', 20, '${HIDDEN}', 2); COMMIT`,
  ],
  [
    `BEGIN; DROP TABLE report; CREATE TABLE report (id text, town text, total text);
     INSERT INTO report VALUES ('1', 'open', '10'), ('${HIDDEN}', '${HIDDEN}', '${HIDDEN}'); COMMIT`,
  ],
  [
    `BEGIN; DROP TABLE report; CREATE VIEW report AS SELECT i AS id, CASE i WHEN 1 THEN 'open' ELSE '${HIDDEN}' END AS town, i * 10 AS total, '${HIDDEN}' AS secret FROM generate_series(1, 2) AS i; COMMIT`,
    `BEGIN; DROP VIEW report; ${FILLED}; COMMIT`,
  ],
  [
    `ALTER TABLE report DROP COLUMN town`,
    `ALTER TABLE report ADD COLUMN town text`,
    `UPDATE report SET town = CASE id::text WHEN '1' THEN 'open' ELSE '${HIDDEN}' END`,
  ],
  [`BEGIN; DROP TABLE report; ${FILLED}; COMMIT`],
];

test('nothing that is hidden shows, whatever takes the name of a table between judgement and run', async () => {
  await seeded();
  await start();
  let client!: pg.Client;
  let ended = false;
  const connect = async () => {
    client = await guard.connect('teacher');
    ended = false;
    client.on('end', () => {
      ended = true;
    });
  };
  await connect();
  const asked = [
    'SELECT * FROM report',
    'TABLE report',
    'SELECT row_to_json(report) FROM report',
    "SELECT town || '' AS town, total::text FROM report",
    'SELECT string_agg(town, total::text) FROM report',
    'SELECT r FROM report AS r',
    'SELECT id FROM report WHERE (total::text)::int > 0',
    { name: 'kept', text: 'SELECT id, town, total FROM report' },
    { name: 'whole', text: 'SELECT to_jsonb(report) FROM report' },
  ];
  let stop = false;
  const answers = new Set<string>();
  const work = (async () => {
    while (!stop) {
      for (const sql of asked) {
        answers.add(await said(client, sql as string));
        // Where what was sent behind a prepared statement cannot be taken back.
        if (ended) await connect();
      }
      expect(await said(client, 'SELECT name FROM schools')).toBe('[{"name":"a"}]');
    }
  })();
  for (const steps of SWAPS) {
    for (const step of steps) {
      await database.query(step);
      // As long as a statement or two take: some are judged before the change and run after it.
      const before = answers.size;
      await Promise.race([
        eventually(() => answers.size > before, 'another answer').catch(() => {}),
        new Promise((wake) => setTimeout(wake, 400)),
      ]);
    }
  }
  stop = true;
  await work;
  expect([...answers].filter((answer) => answer.includes(HIDDEN))).toEqual([]);
  expect([...answers].some((answer) => answer.includes('open'))).toBe(true);
  expect(errorsOf('internal error')).toBe(0);
  await eventually(async () => (await said(client, 'SELECT total FROM report')) === '[{"total":10}]', 'it is back');
});
