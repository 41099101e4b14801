/** What a real application sends again and again, with plans that are reused and without. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { throughput, tpsOf } from './world/measured.ts';
import { MODES, warmUp } from './world/pgbench.ts';
import { type Place, pgbouncer, type StartedProxy } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

const CLIENTS = 8;
const PEOPLE = 10_000;

const TABLES = `
CREATE TABLE people (id integer PRIMARY KEY, branch integer, name text, phone text, note text, score integer DEFAULT 0);
CREATE TABLE visits (id integer PRIMARY KEY, person integer REFERENCES people, branch integer, what text);
CREATE INDEX ON visits (person);
CREATE INDEX ON people (branch, id);
INSERT INTO people SELECT i, i % 20, 'person ' || i, '06' || i, 'note', 0 FROM generate_series(1, ${PEOPLE}) AS i;
INSERT INTO visits SELECT i, i % ${PEOPLE} + 1, i % 20, 'visit ' || i FROM generate_series(1, ${2 * PEOPLE}) AS i;
ANALYZE`;

/** Through a proxy that guards nothing, the application asks for what its role would see. */
const SCRIPTS: Readonly<Record<string, { readonly guarded: string; readonly bare: string }>> = {
  'join of two tables, one person': {
    guarded: `SELECT p.id, p.name, p.phone, v.id, v.what FROM people p JOIN visits v ON v.person = p.id WHERE p.id = :id;`,
    bare: `SELECT p.id, p.name, left(p.phone, 2) AS phone, v.id, v.what FROM people p JOIN visits v ON v.person = p.id WHERE p.id = :id AND p.branch <= 10 AND v.branch <= 10;`,
  },
  'list of ten people': {
    guarded: `SELECT id, name, phone FROM people WHERE branch = :branch ORDER BY id LIMIT 10;`,
    bare: `SELECT id, name, left(phone, 2) AS phone FROM people WHERE branch = :branch AND branch <= 10 ORDER BY id LIMIT 10;`,
  },
  'update of one row': {
    guarded: `UPDATE people SET score = :note WHERE id = :id;`,
    bare: `UPDATE people SET score = :note WHERE id = :id AND branch <= 10;`,
  },
  'the same without values': {
    guarded: `SELECT branch, count(*) FROM visits WHERE person = 7 GROUP BY branch;`,
    bare: `SELECT branch, count(*) FROM visits WHERE person = 7 AND branch <= 10 GROUP BY branch;`,
  },
};

const ROLE = `role: orm
attributes: { branches: integer }
scope: { person: all, account: all }
tables:
  people:
    rows: branch <= :branches
    select: { columns: [id, branch, name, note, score], masks: { phone: "left(phone, 2)" } }
    update: { columns: [score] }
  visits:
    rows: branch <= :branches
    select: { columns: [id, person, branch, what] }
limits:
  rows_per_statement: 1000
  rows: [900000000 per hour]
  statements: 100000000 per minute
  subjects: { person: [200000000 per hour] }
  connections: 2500
`;

let database: Database;
let proxy: StartedProxy | undefined;
const guards: ServedGuard[] = [];
let places: Place[];
const folder = scratchFolder();

beforeAll(async () => {
  database = await makeDatabase(1, TABLES);
  proxy = await pgbouncer()?.(database);
  const prepare = async (policies: string, password: string): Promise<void> => {
    await writeFile(join(policies, 'roles', 'orm.yaml'), ROLE);
    const file = join(policies, 'principals.yaml');
    const orm = `  orm: { role: orm, attributes: { branches: 10 }, password: "${password}" }\n`;
    await writeFile(file, (await readFile(file, 'utf8')) + orm);
    const subjects = join(policies, 'subjects.yaml');
    const text = await readFile(subjects, 'utf8');
    await writeFile(subjects, `${text}\n  person: { keys: [people.id, visits.person] }\n`);
  };
  for (const reuse of ['off', 'on'])
    guards.push(await serve(database, { configuration: `plans: { reuse: ${reuse} }`, prepare }));
  const [off, on] = guards;
  places = [
    { name: 'direct', url: database.account.url },
    ...(proxy ? [proxy] : []),
    { name: 'off', url: off!.url('orm'), pid: off!.pid },
    { name: 'on', url: on!.url('orm'), pid: on!.pid },
  ];
  await warmUp(database.account.url, off!.url('headline'), on!.url('headline'));
});

afterAll(async () => {
  await Promise.all(guards.map((guard) => guard.stop()));
  await proxy?.stop();
  await database?.drop();
});

const VARIABLES = `\\set id random(1, ${PEOPLE})\n\\set branch random(1, 10)\n\\set note random(1, 1000000)\n`;

test('an ORM’s statements', { timeout: 3_600_000 }, async () => {
  const section = new Section('orm');
  const rows: string[][] = [];
  for (const [name, { guarded, bare }] of Object.entries(SCRIPTS)) {
    const files = { guarded: join(folder(), `${rows.length}.sql`), bare: join(folder(), `${rows.length}-bare.sql`) };
    await writeFile(files.guarded, `${VARIABLES}${guarded}\n`);
    await writeFile(files.bare, `${VARIABLES}${bare}\n`);
    for (const mode of MODES) {
      const figures = await interleave(places, (place) =>
        throughput(place, {
          clients: CLIENTS,
          mode,
          script: { files: [place.name === 'off' || place.name === 'on' ? files.guarded : files.bare] },
        }),
      );
      const ratio = (of: string, to: string) =>
        section.figure(`${of} to ${to}, ${name}, ${mode}`, 'ratio', ratios(tpsOf(figures, of), tpsOf(figures, to)));
      rows.push([
        name,
        mode,
        section.figure(`direct, ${name}, ${mode}`, 'tps', tpsOf(figures, 'direct')),
        ratio('PgBouncer', 'direct'),
        ratio('off', 'PgBouncer'),
        ratio('on', 'PgBouncer'),
        ratio('on', 'off'),
      ]);
    }
  }
  expect(rows).toHaveLength(Object.keys(SCRIPTS).length * MODES.length);
  const head = [
    'statement',
    'protocol',
    'direct, tps',
    'PgBouncer to direct',
    'without reuse to PgBouncer',
    'with reuse to PgBouncer',
    'with to without',
  ];
  await section.write(`${CLIENTS} clients. The role has row filters on both tables, a mask, and budgets in people and rows; to the server and to PgBouncer the same conditions are sent by hand.

${table(head, rows)}`);
});
