/** Tests what administration tools ask for their trees: each statement runs, and shows what a database with only the role's grants shows. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Copies, copiesFor, dropCopies } from './copies.ts';
import { DIFFERENT, NAVIGATOR, TREE } from './gui-statements.ts';
import { TOOLS } from './tool-statements.ts';
import { type PrincipalName, startWorld, type World } from './world.ts';

/** The sample schema has no views, types, triggers or partitions: these are granted by the policies of the test. */
const MORE = `
CREATE TYPE stage AS ENUM ('begun', 'done');
CREATE DOMAIN mark AS numeric(4, 2) CHECK (VALUE >= 0);
CREATE TABLE tasks (id serial PRIMARY KEY, stage stage DEFAULT 'begun', worth mark, class_id integer REFERENCES classes, title text NOT NULL,
  short text GENERATED ALWAYS AS (left(title, 3)) STORED, CONSTRAINT titled CHECK (length(title) > 0));
COMMENT ON COLUMN tasks.title IS 'what is to be done';
CREATE INDEX tasks_title ON tasks (lower(title)) WHERE title > 'a';
CREATE TABLE logs (day date NOT NULL, line text) PARTITION BY RANGE (day);
CREATE TABLE logs_2026 PARTITION OF logs FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE VIEW open_tasks AS SELECT id, title FROM tasks WHERE stage <> 'done';
CREATE STATISTICS task_statistics ON stage, class_id FROM tasks`;

const GRANTS = `
tables:
  tasks: { select: { columns: "*" } }
  logs: { select: { columns: "*" } }
  open_tasks: { select: { columns: "*" } }
`;

/** Nothing of it is granted. */
const HIDDEN = `
CREATE TYPE qzxtype AS ENUM ('qzx');
CREATE TABLE qzxtable (id integer PRIMARY KEY, class_id integer REFERENCES classes, qzx qzxtype);
CREATE VIEW qzxview AS SELECT * FROM qzxtable;
CREATE FUNCTION qzxtouch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE TRIGGER qzxtrigger BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION qzxtouch();
CREATE SEQUENCE qzxsequence; CREATE SCHEMA qzxschema; CREATE ROLE qzxrole_NAME;
GRANT SELECT ON tasks TO qzxrole_NAME;
CREATE POLICY qzxpolicy ON tasks USING (true); CREATE RULE qzxrule AS ON DELETE TO tasks DO INSTEAD NOTHING`;

const WHO: readonly PrincipalName[] = ['teacher', 'canteen', 'statistics'];

let world: World;
let copies: Copies;

beforeAll(async () => {
  world = await startWorld({
    prepare: async (database) => {
      await database.query(MORE);
      await database.query(HIDDEN.replaceAll('NAME', database.name));
    },
    policies: async (folder) => {
      await writeFile(join(folder, 'grants', 'more.yaml'), GRANTS);
      for (const file of ['teacher', 'canteen_vendor', 'statistics']) {
        const path = join(folder, 'roles', `${file}.yaml`);
        const text = await readFile(path, 'utf8');
        const used = /^use: \[(.*)\]/m.test(text)
          ? text.replace(/^use: \[(.*)\]/m, 'use: [$1, more]')
          : text.replace(/^tables:/m, 'use: [more]\ntables:');
        await writeFile(path, used);
      }
    },
  });
  copies = await copiesFor(WHO, world.account.user, MORE);
});

afterAll(async () => {
  const name = world?.database.name;
  await dropCopies(copies);
  if (name) await world.database.query(`DROP OWNED BY qzxrole_${name}; DROP ROLE qzxrole_${name}`);
  await world?.stop();
});

async function rows(url: string, statements: Readonly<Record<string, string>>): Promise<Map<string, string[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const found = new Map<string, string[]>();
  for (const [name, sql] of Object.entries(statements)) {
    try {
      const result = await client.query({ text: sql, rowMode: 'array' });
      found.set(
        name,
        result.rows.map((row) => JSON.stringify(row)),
      );
    } catch (error) {
      found.set(name, [`error: ${(error as Error).message}`]);
    }
  }
  await client.end();
  return found;
}

describe.each([['a tree', TREE], ['a navigator', NAVIGATOR], ...Object.entries(TOOLS)] as const)(
  '%s',
  (_kind, statements) => {
    it.each(WHO)('as %s', async (principal) => {
      const copy = copies.get(principal)!;
      const [through, beside] = await Promise.all([
        rows(world.url(principal), statements),
        rows(copy.urlFor(world.account.user, world.account.password), statements),
      ]);
      const unnamed = (list: readonly string[] | undefined, name: string): string[] =>
        (list ?? []).map((row) => row.replaceAll(name, 'DATABASE').replaceAll(principal, 'LOGIN'));
      const different = Object.keys(statements).flatMap((name) => {
        const shown = unnamed(through.get(name), world.database.name);
        const told = shown.filter((row) => /^error|qzx/.test(row));
        const expected = name in DIFFERENT ? shown : unnamed(beside.get(name), copy.name);
        return told.length > 0 || shown.join('\n') !== expected.join('\n') ? [{ name, shown, expected }] : [];
      });
      expect(different).toEqual([]);
    });
  },
);

describe.each(WHO)('as an account without rights, %s', (principal) => {
  const told = async (url: string, texts: readonly string[]): Promise<string[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const of: string[] = [];
    for (const text of texts)
      await client.query(text).then(
        () => of.push(`${text}: runs`),
        ({ code }) => of.push(`${text}: ${code}`),
      );
    await client.end();
    return of;
  };
  /** What does not run for the role and runs for the account; `both`: or runs for the role alone. */
  const compared = async (texts: readonly string[], both = false) => {
    const plain = await world.database.createLogin();
    const [there, here] = [await told(plain.url, texts), await told(world.url(principal), texts)];
    expect(there.filter((one) => one.endsWith('runs')).length).toBeGreaterThan(texts.length / 2);
    const runs = (one: string): boolean => one.endsWith(': runs');
    return here.filter((one, at) => runs(one) !== runs(there[at]!) && (both || runs(there[at]!)));
  };

  it('reads each catalog and view of the server', async () => {
    const all = await world.database.query<{ name: string }>(
      `SELECT n.nspname || '.' || c.relname AS name FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v') ORDER BY 1`,
    );
    expect(all.length).toBeGreaterThan(190);
    const different = await compared(
      all.map(({ name }) => `SELECT * FROM ${name} LIMIT 1`),
      true,
    );
    // The account may not read one column of it, which is NULL here.
    expect(different).toEqual(['SELECT * FROM pg_catalog.pg_subscription LIMIT 1: runs']);
  });

  it('asks each function about one object or session', async () => {
    const all = await world.database.query<{ text: string }>(
      `SELECT CASE WHEN proretset THEN 'SELECT * FROM ' || proname || '(NULL) AS t' ELSE
         'SELECT ' || proname || '(c.oid' || CASE proargtypes[0] WHEN 'int4'::regtype THEN '::int4' ELSE '' END || ') FROM pg_class AS c WHERE relname = ''classes''' END AS text
       FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND pronargs = 1 AND proargtypes[0] IN ('oid'::regtype, 'int4'::regtype)
         AND proname ~ '^pg_(stat_get|get|relation|table|total|indexes|database|tablespace|sequence|backend|is|blocking|safe)|_is_visible$' ORDER BY 1`,
    );
    expect(all.length).toBeGreaterThan(100);
    expect(
      await compared([...all.map(({ text }) => text), 'SELECT * FROM pg_stat_get_activity(pg_backend_pid())']),
    ).toEqual([]);
  });
});

it.each(WHO)('Kysely finds the tables of the schema, as %s', async (principal) => {
  const copy = copies.get(principal)!;
  const found = async (url: string): Promise<unknown> => {
    const kysely = new Kysely<unknown>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 1 }) }),
    });
    const tables = await kysely.introspection.getTables();
    await kysely.destroy();
    return tables.map(({ columns, ...table }) => ({
      ...table,
      columns: columns.sort((a, b) => (a.name < b.name ? -1 : 1)),
    }));
  };
  const tables = await found(world.url(principal));
  expect(tables).toEqual(await found(copy.urlFor(world.account.user, world.account.password)));
  expect(JSON.stringify(tables)).toMatch(/class_id/);
});
