/** What a real application sends again and again: through the guard, through what guards nothing, and straight to the server. Ten minutes. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { IS_TRIAL, ROUNDS, SECONDS } from './figures/knobs.ts';
import { type Goal, Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { type ServedGuard, serve } from './world/guard.ts';
import { type Figures, throughput, tpsOf } from './world/measured.ts';
import { type Load, MODES, type Mode, pgbench, warmUp } from './world/pgbench.ts';
import { type Place, type StartedProxy, startProxies } from './world/proxies.ts';
import { type Database, makeDatabase } from './world/world.ts';

/** There are many runs: each is short. */
const TURNS = Math.min(ROUNDS, 3);
const EACH = IS_TRIAL ? SECONDS : 1;
const MOST_CLIENTS = 8;
const PEOPLE = 10_000;

const TABLES = `
CREATE TABLE people (id integer PRIMARY KEY, branch integer, name text, phone text, note text, score integer DEFAULT 0);
CREATE TABLE visits (id integer PRIMARY KEY, person integer REFERENCES people, branch integer, what text);
CREATE TABLE calls (person integer, branch integer, what text);
CREATE TABLE skewed (id integer PRIMARY KEY, branch integer, kind integer);
CREATE INDEX ON visits (person);
CREATE INDEX ON people (branch, id);
INSERT INTO people SELECT i, i % 20, 'person ' || i, '06' || i, 'note', 0 FROM generate_series(1, ${PEOPLE}) AS i;
INSERT INTO visits SELECT i, i % ${PEOPLE} + 1, i % 20, 'visit ' || i FROM generate_series(1, ${2 * PEOPLE}) AS i;
INSERT INTO skewed SELECT i, 1, (i % 1000 = 0)::integer FROM generate_series(1, 10 * ${PEOPLE}) AS i;
CREATE INDEX ON skewed (kind);
ANALYZE`;

interface Shape {
  readonly guarded: string;
  /** The unguarded query of an application with the same result: what its role would see. */
  readonly bare: string;
  readonly goals?: Readonly<Record<Mode, number>>;
  /** By a guard that reuses nothing as well. */
  readonly off?: true;
  /** By an unrestricted role as well. */
  readonly open?: true;
  /** By one client and by 32 as well. */
  readonly crowds?: true;
}

/** The same on both sides, but for what the policy adds. */
const guarded = (sql: string): Shape => {
  return {
    guarded: sql.replaceAll(/ *\{[^}]*\}/g, ''),
    bare: sql.replaceAll(/[{}]/g, '').replaceAll('phone FROM', 'left(phone, 2) AS phone FROM'),
  };
};

const SHAPES: Readonly<Record<string, Shape>> = {
  'join of two tables, one person': {
    guarded: `SELECT p.id, p.name, p.phone, v.id, v.what FROM people p JOIN visits v ON v.person = p.id WHERE p.id = :id;`,
    bare: `SELECT p.id, p.name, left(p.phone, 2) AS phone, v.id, v.what FROM people p JOIN visits v ON v.person = p.id WHERE p.id = :id AND p.branch <= 10 AND v.branch <= 10;`,
    goals: { simple: 1, extended: 1, prepared: 0.5 },
    off: true,
    open: true,
    crowds: true,
  },
  'list of ten people': {
    ...guarded('SELECT id, name, phone FROM people WHERE branch = :branch {AND branch <= 10} ORDER BY id LIMIT 10;'),
    goals: { simple: 0.7, extended: 0.7, prepared: 0.5 },
    off: true,
    open: true,
  },
  'update of one row': {
    ...guarded('UPDATE people SET score = :note WHERE id = :id {AND branch <= 10};'),
    goals: { simple: 1, extended: 1, prepared: 0.5 },
    off: true,
  },
  'pgbench -S': {
    guarded: '',
    bare: '',
    goals: { simple: 0.6, extended: 0.6, prepared: 0.5 },
    open: true,
    crowds: true,
  },
  'a list and its count': guarded(`SELECT count(*) FROM people WHERE branch = :branch {AND branch <= 10};
SELECT id, name, phone FROM people WHERE branch = :branch {AND branch <= 10} ORDER BY id LIMIT 10;`),
  'a transaction: SELECT, INSERT, UPDATE': guarded(`BEGIN;
SELECT id, name, score FROM people WHERE id = :id {AND branch <= 10};
INSERT INTO calls (person, branch, what) VALUES (:id, :branch, 'call');
UPDATE people SET score = :note WHERE id = :id {AND branch <= 10};
COMMIT;`),
  'a page of ten statements': guarded(`SELECT id, name FROM people WHERE id = :id {AND branch <= 10};
SELECT id, name, phone FROM people WHERE id = :id {AND branch <= 10};
SELECT branch, count(*) FROM visits WHERE person = :id {AND branch <= 10} GROUP BY branch;
SELECT count(*) FROM people WHERE branch = :branch {AND branch <= 10};
SELECT id, name, phone FROM people WHERE branch = :branch {AND branch <= 10} ORDER BY id LIMIT 10;
SELECT id, person, what FROM visits WHERE person = :id {AND branch <= 10} ORDER BY id;
SELECT id, person, what FROM visits WHERE person IN (:id, :branch, 7) {AND branch <= 10} ORDER BY id;
SELECT id, name FROM people WHERE id IN (:id, :branch, 3) {AND branch <= 10} ORDER BY name;
SELECT score FROM people WHERE id = :branch {AND branch <= 10};
UPDATE people SET score = :note WHERE id = :id {AND branch <= 10};`),
};

const ROLE = `role: orm
attributes: { branches: integer }
scope: { person: all, account: all }
tables:
  people:
    rows: branch <= :branches
    select: { columns: [id, branch, name, note, score], masks: { phone: "left(phone, 2)" } }
    update: { columns: [score] }
  calls: { insert: { columns: [person, branch, what] } }
  skewed: { rows: branch <= :branches, select: { columns: [id, branch, kind] } }
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
let proxies: StartedProxy[] = [];
const guards: ServedGuard[] = [];
const folder = scratchFolder();

beforeAll(async () => {
  database = await makeDatabase(1, TABLES);
  proxies = await startProxies(database, ['PgBouncer', 'pgpool-II']);
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
  await warmUp(database.account.url, ...guards.map((guard) => guard.url('headline')));
});

afterAll(async () => {
  await Promise.all([...guards, ...proxies].map((one) => one.stop()));
  await database?.drop();
});

const VARIABLES = `\\set id random(1, ${PEOPLE})\n\\set branch random(1, 10)\n\\set note random(1, 1000000000)\n`;

async function script(name: string, sql: string): Promise<Load['script']> {
  const file = join(folder(), `${name.replaceAll(/\W+/g, '-')}.sql`);
  await writeFile(file, `${VARIABLES}${sql}\n`);
  return { files: [file] };
}

interface Measurable extends Place {
  readonly script: Load['script'];
}

/** @param clients of whom only the guard itself is compared with what guards nothing, where they are not the usual ones. */
async function placesOf(name: string, shape: Shape, clients: number): Promise<Measurable[]> {
  const [off, on] = guards as [ServedGuard, ServedGuard];
  const own = shape.guarded === '' ? undefined : await script(`${name}-guarded`, shape.guarded);
  const bare = shape.bare === '' ? undefined : await script(`${name}-bare`, shape.bare);
  const principal = own ? 'orm' : 'headline';
  const isUsual = clients === MOST_CLIENTS;
  return [
    { name: 'direct', url: database.account.url, script: bare },
    ...proxies.map((proxy) => ({ ...proxy, script: bare })),
    { name: 'guard', url: on.url(principal), script: own },
    ...(shape.off && isUsual ? [{ name: 'off', url: off.url(principal), script: own }] : []),
    ...(shape.open && isUsual ? [{ name: 'unrestricted', url: on.url('unrestricted'), script: bare }] : []),
  ];
}

/**
 * pgpool-II does not get through every protocol with what writes: some of its processes leave a transaction open behind it, so as many clients ask as are
 * measured.
 */
async function isRun({ name, url, script }: Measurable, clients: number, mode: Mode): Promise<boolean> {
  try {
    await pgbench(url, { clients, mode, script: script!, transactions: 20 });
    return true;
  } catch {
    process.stdout.write(`${name} fails, and is left out: ${mode}\n`);
    return false;
  }
}

const measured =
  (clients: number, mode: Mode) =>
  async (place: Measurable): Promise<Figures> => {
    const load = { clients, mode, script: place.script! };
    // On a busy machine nothing may be left of a second behind the logins.
    return throughput(place, load, EACH).catch(() => throughput(place, load, 5 * EACH));
  };

test('an application’s statements', { timeout: 3_600_000 }, async () => {
  const section = new Section('orm', `${TURNS} rounds of ${EACH} s, interleaved`);
  const rows: string[][] = [];
  for (const [name, shape] of Object.entries(SHAPES)) {
    for (const clients of shape.crowds ? [1, MOST_CLIENTS, 32] : [MOST_CLIENTS]) {
      const places = await placesOf(name, shape, clients);
      for (const mode of MODES) {
        const able: Measurable[] = [];
        for (const place of places)
          if (place.name !== 'pgpool-II' || (await isRun(place, clients, mode))) able.push(place);
        const figures = await interleave(able, measured(clients, mode), TURNS);
        const of = `${name}, ${clients} clients, ${mode}`;
        const ratio = (one: string, to: string, least?: number) => {
          const goal: Goal | undefined =
            least !== undefined && clients === MOST_CLIENTS ? { atLeast: least } : undefined;
          return section.figure(
            `${one} to ${to}, ${of}`,
            'ratio',
            ratios(tpsOf(figures, one), tpsOf(figures, to)),
            goal,
          );
        };
        rows.push([
          name,
          String(clients),
          mode,
          section.figure(`direct, ${of}`, 'tps', tpsOf(figures, 'direct')),
          ratio('PgBouncer', 'direct'),
          ratio('pgpool-II', 'direct'),
          ratio('guard', 'direct'),
          ratio('guard', 'PgBouncer', shape.goals?.[mode]),
          ratio('off', 'PgBouncer'),
          ratio('unrestricted', 'PgBouncer', 0.65),
        ]);
        process.stdout.write(`${rows.at(-1)!.join(' | ')}\n`);
      }
    }
  }
  expect(rows.length).toBeGreaterThan(0);
  const head = [
    'statements',
    'clients',
    'protocol',
    'direct, tps',
    'PgBouncer to direct',
    'pgpool-II to direct',
    'guard to direct',
    'guard to PgBouncer',
    'without reuse to PgBouncer',
    'unrestricted to PgBouncer',
  ];
  await section.write(`The role has row filters, a mask, and budgets in people and rows; the server and what guards nothing are sent the same conditions by hand.

${table(head, rows)}

${await whatIsNotReused(section)}`);
});

/** Texts that are never repeated, and values for which one plan is bad. */
async function whatIsNotReused(section: Section): Promise<string> {
  const [off, on] = guards.map((guard) => guard.url('orm')) as [string, string];
  const distinct = await script('distinct', 'SELECT id AS id_:note FROM people WHERE id = :id;');
  const texts = await interleave(
    [
      { name: 'off', url: off },
      { name: 'on', url: on },
    ],
    (place) => throughput(place, { clients: MOST_CLIENTS, mode: 'simple', script: distinct! }),
  );
  const spared = ratios(tpsOf(texts, 'on'), tpsOf(texts, 'off'));
  const skewed = `\\set kind 1\nSELECT count(*) FROM skewed WHERE kind = :kind;`;
  const kinds = await script('skewed', skewed);
  const figures = await interleave(
    MODES.map((mode) => ({ name: mode, mode })),
    ({ mode }) => throughput({ name: mode, url: on }, { clients: MOST_CLIENTS, mode, script: kinds! }, EACH),
    TURNS,
  );
  const skew = (mode: Mode) =>
    section.figure(
      `skewed data, ${mode} to prepared`,
      'ratio',
      ratios(tpsOf(figures, mode), tpsOf(figures, 'prepared')),
    );
  const cell = section.figure('with reuse to without, each text is new', 'ratio', spared, { atLeast: 0.97 });
  return `With reuse to without, where each text is new: ${cell}. A value that one row of 1000 has, where the others share one, to the same as the client prepares it: simple ${skew('simple')}, extended ${skew('extended')}.`;
}
